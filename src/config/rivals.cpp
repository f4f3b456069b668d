// SPDX-License-Identifier: Apache-2.0
#include "config/rivals.h"

#include "base/ascii.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ballast::config {

namespace {

using std::string_view;

/// A rival's key in one of our sections. `ours` is a key of the same section.
struct Renamed {
    string_view section;
    string_view theirs;
    string_view ours;
};

constexpr auto renamed = std::to_array<Renamed>({
    {"", "nbthread", "workers"},
    {"", "nbproc", "workers"},
    {"", "threads", "workers"},
    {"", "worker_processes", "workers"},
    {"", "grace", "shutdown_timeout"},
    {"", "hard_stop_after", "shutdown_timeout"},
    {"log", "log_level", "level"},
    {"log", "path", "file"},
    {"transfer_log", "xferlog_file", "xferlog"},
    {"limits", "maxconn", "sessions"},
    {"limits", "max_clients", "sessions"},
    {"limits", "maxinstances", "sessions"},
    {"limits", "max_per_ip", "sessions_per_address"},
    {"limits", "maxclientsperip", "sessions_per_address"},
    {"limits", "maxclientsperhost", "sessions_per_address"},
    {"limits", "maxclientsperuser", "sessions_per_user"},
    {"limits", "maxloginattempts", "failed_logins_per_address"},
    {"listener.NAME", "maxconn", "max_sessions"},
    {"listener.NAME", "max_clients", "max_sessions"},
    {"listener.NAME", "maxclients", "max_sessions"},
    {"listener.NAME", "maxclientsnumber", "max_sessions"},
    {"listener.NAME", "maxinstances", "max_sessions"},
    {"listener.NAME", "listen", "bind"},
    {"listener.NAME", "listen_address", "bind"},
    {"listener.NAME", "listen_port", "bind"},
    {"listener.NAME", "port", "bind"},
    {"listener.NAME", "address", "bind"},
    {"listener.NAME", "default_backend", "pool"},
    {"listener.NAME", "backend", "pool"},
    {"listener.NAME", "use_backend", "route"},
    {"listener.NAME", "pasv_min_port", "passive_ports"},
    {"listener.NAME", "pasv_max_port", "passive_ports"},
    {"listener.NAME", "passiveports", "passive_ports"},
    {"listener.NAME", "passiveportrange", "passive_ports"},
    {"listener.NAME", "pasv_address", "public_address"},
    {"listener.NAME", "masqueradeaddress", "public_address"},
    {"listener.NAME", "forcepassiveip", "public_address"},
    {"listener.NAME", "pasv_promiscuous", "data_peer"},
    {"listener.NAME", "port_promiscuous", "allow_fxp"},
    {"listener.NAME", "allowforeignaddress", "allow_fxp"},
    {"listener.NAME", "allowuserfxp", "allow_fxp"},
    {"listener.NAME", "ftp_data_port", "active_source_port"},
    {"listener.NAME", "connect_from_port_20", "active_source_port"},
    {"listener.NAME", "ftpd_banner", "greeting"},
    {"listener.NAME", "banner", "greeting"},
    {"listener.NAME", "serverident", "greeting"},
    {"listener.NAME", "displayconnect", "greeting"},
    {"listener.NAME", "anonymous_enable", "anonymous"},
    {"listener.NAME", "noanonymous", "anonymous"},
    {"listener.NAME", "write_enable", "read_only"},
    {"listener.NAME", "cmds_allowed", "allow_commands"},
    {"listener.NAME", "cmds_denied", "deny_commands"},
    {"listener.NAME", "accept_proxy", "proxy_from"},
    {"listener.NAME", "timeoutlogin", "login_timeout"},
    {"listener.NAME", "timeoutidle", "idle_timeout"},
    {"listener.NAME", "idle_session_timeout", "idle_timeout"},
    {"listener.NAME", "maxidletime", "idle_timeout"},
    {"listener.NAME", "timeoutstalled", "data_stall_timeout"},
    {"listener.NAME", "data_connection_timeout", "data_stall_timeout"},
    {"listener.NAME", "accept_timeout", "data_connect_timeout"},
    {"listener.NAME", "connect_timeout", "data_connect_timeout"},
    {"listener.NAME", "local_max_rate", "session_bandwidth"},
    {"listener.NAME", "anon_max_rate", "session_bandwidth"},
    {"listener.NAME", "transferrate", "session_bandwidth"},
    {"listener.NAME", "ssl", "tls"},
    {"listener.NAME", "ssl_enable", "tls"},
    {"listener.NAME", "tlsengine", "tls"},
    {"listener.NAME", "implicit_ssl", "tls"},
    {"listener.NAME.tls", "crt", "certificate"},
    {"listener.NAME.tls", "cert", "certificate"},
    {"listener.NAME.tls", "cert_file", "certificate"},
    {"listener.NAME.tls", "certfile", "certificate"},
    {"listener.NAME.tls", "ssl_certificate", "certificate"},
    {"listener.NAME.tls", "rsa_cert_file", "certificate"},
    {"listener.NAME.tls", "tlsrsacertificatefile", "certificate"},
    {"listener.NAME.tls", "key_file", "key"},
    {"listener.NAME.tls", "keyfile", "key"},
    {"listener.NAME.tls", "private_key", "key"},
    {"listener.NAME.tls", "ssl_certificate_key", "key"},
    {"listener.NAME.tls", "rsa_private_key_file", "key"},
    {"listener.NAME.tls", "tlsrsacertificatekeyfile", "key"},
    {"listener.NAME.tls", "ca", "client_ca"},
    {"listener.NAME.tls", "ca_file", "client_ca"},
    {"listener.NAME.tls", "ca_certs_file", "client_ca"},
    {"listener.NAME.tls", "tlscacertificatefile", "client_ca"},
    {"listener.NAME.tls", "verify", "client_certificate"},
    {"listener.NAME.tls", "tlsverifyclient", "client_certificate"},
    {"listener.NAME.tls", "require_cert", "client_certificate"},
    {"listener.NAME.tls", "require_ssl_reuse", "session_reuse"},
    {"listener.NAME.tls", "strict_ssl_read_eof", "strict_close"},
    {"listener.NAME.tls", "implicit_ssl", "implicit_bind"},
    {"listener.NAME.tls", "tlsrequired", "require"},
    {"listener.NAME.tls", "force_local_logins_ssl", "require"},
    {"listener.NAME.tls", "force_local_data_ssl", "require"},
    {"listener.NAME.tls", "ssl_ciphers", "ciphers"},
    {"listener.NAME.tls", "tlsciphersuite", "ciphers"},
    {"listener.NAME.tls", "ssl_min_ver", "min_version"},
    {"listener.NAME.tls", "ssl_max_ver", "max_version"},
    {"listener.NAME.tls", "tlsprotocol", "min_version"},
    {"listener.NAME.tls", "protocols", "min_version"},
    {"listener.NAME.tls", "tlssessionticketkeys", "ticket_keys"},
    {"pool.NAME", "server", "backend"},
    {"pool.NAME", "servers", "backend"},
    {"pool.NAME", "real_server", "backend"},
    {"pool.NAME", "members", "backend"},
    {"pool.NAME", "lb_algo", "balance"},
    {"pool.NAME", "lvs_sched", "balance"},
    {"pool.NAME", "algorithm", "balance"},
    {"pool.NAME", "policy", "balance"},
    {"pool.NAME", "check", "probe"},
    {"pool.NAME", "option", "probe"},
    {"pool.NAME", "inter", "probe"},
    {"pool.NAME", "delay_loop", "probe"},
    {"pool.NAME", "tcp_check", "probe"},
    {"pool.NAME", "misc_check", "probe"},
    {"pool.NAME", "health_check", "probe"},
    {"pool.NAME", "stick_table", "stick"},
    {"pool.NAME", "persistence_timeout", "stick"},
    {"pool.NAME", "sticky", "stick"},
    {"pool.NAME", "maxqueue", "queue"},
    {"pool.NAME", "slowstart", "slow_start"},
    {"pool.NAME", "sorry_server", "fallback"},
    {"pool.NAME", "timeout_connect", "connect_timeout"},
    {"pool.NAME", "timeout_server", "reply_timeout"},
    {"pool.NAME", "ssl", "tls"},
    {"pool.NAME.probe", "inter", "interval"},
    {"pool.NAME.probe", "delay_loop", "interval"},
    {"pool.NAME.probe", "fastinter", "fast_interval"},
    {"pool.NAME.probe", "downinter", "down_interval"},
    {"pool.NAME.probe", "retry", "fall"},
    {"pool.NAME.probe", "username", "user"},
    {"pool.NAME.probe", "password", "password_file"},
    {"pool.NAME.probe", "misc_path", "script"},
    {"pool.NAME.probe", "external_check", "script"},
    {"pool.NAME.tls", "crt", "certificate"},
    {"pool.NAME.tls", "cert", "certificate"},
    {"pool.NAME.tls", "ca_file", "ca"},
    {"pool.NAME.tls", "sni", "server_name"},
    {"pool.NAME.tls", "verifyhost", "server_name"},
    {"pool.NAME.tls", "check_sni", "server_name"},
    {"pool.NAME.tls", "ssl_min_ver", "min_version"},
    {"pool.NAME.tls", "ssl_max_ver", "max_version"},
    {"pool.NAME.backend", "maxconn", "max_sessions"},
    {"pool.NAME.backend", "max_conns", "max_sessions"},
    {"pool.NAME.backend", "server", "address"},
    {"pool.NAME.backend", "host", "address"},
    {"pool.NAME.backend", "ip", "address"},
    {"pool.NAME.backend", "port", "address"},
    {"pool.NAME.backend", "ssl", "tls"},
});

/// Settings of rivals that work differently here.
struct Otherwise {
    string_view section;
    string_view theirs;
    string_view advice;
};

constexpr string_view of_pool = "health questions are of the whole pool: [pool.NAME.probe]";
constexpr string_view of_service =
    "remove it: the service manager does that, see packaging/ballast.service";

constexpr auto otherwise = std::to_array<Otherwise>({
    {"", "frontend", "write [listener.NAME]"},
    {"", "listen", "write [listener.NAME] and [pool.NAME]"},
    {"", "backend", "write [pool.NAME], with a [[pool.NAME.backend]] for each server"},
    {"", "upstream", "write [pool.NAME], with a [[pool.NAME.backend]] for each server"},
    {"", "virtual_server", "write [listener.NAME] and [pool.NAME]"},
    {"", "maxconn", "write sessions into [limits]"},
    {"", "max_clients", "write sessions into [limits]"},
    {"", "maxinstances", "write sessions into [limits]"},
    {"", "max_per_ip", "write sessions_per_address into [limits]"},
    {"", "log_level", "write level into [log]"},
    {"", "xferlog_file", "write xferlog into [transfer_log]"},
    {"", "transferlog", "write xferlog into [transfer_log]"},
    {"", "user", of_service},
    {"", "group", of_service},
    {"", "chroot", of_service},
    {"", "daemon", of_service},
    {"", "pidfile", of_service},
    {"listener.NAME", "max_per_ip", "write sessions_per_address into [limits]"},
    {"listener.NAME", "maxclientsperip", "write sessions_per_address into [limits]"},
    {"listener.NAME", "maxclientsperhost", "write sessions_per_address into [limits]"},
    {"listener.NAME", "max_login_fails", "write failed_logins_per_address into [limits]"},
    {"listener.NAME", "xferlog_file", "write xferlog into [transfer_log]"},
    {"listener.NAME", "rsa_cert_file", "write certificate into [listener.NAME.tls]"},
    {"listener.NAME", "rsa_private_key_file", "write key into [listener.NAME.tls]"},
    {"listener.NAME", "require_ssl_reuse", "write session_reuse into [listener.NAME.tls]"},
    {"pool.NAME", "maxconn", "write max_sessions into each [[pool.NAME.backend]]"},
    {"pool.NAME.backend", "check", of_pool},
    {"pool.NAME.backend", "inter", of_pool},
    {"pool.NAME.backend", "disabled", "remove the backend's table, or keep it in comments"},
    {"pool.NAME.backend", "down", "remove the backend's table, or keep it in comments"},
    {"pool.NAME.backend", "slowstart", "write slow_start into [pool.NAME]"},
});

struct OtherWord {
    string_view key;
    string_view theirs;
    string_view ours;
};

constexpr auto other_words = std::to_array<OtherWord>({
    {"balance", "leastconn", "least-sessions"},
    {"balance", "least_conn", "least-sessions"},
    {"balance", "least_connections", "least-sessions"},
    {"balance", "lc", "least-sessions"},
    {"balance", "wlc", "least-sessions"},
    {"balance", "least_bytes", "least-bandwidth"},
    {"balance", "roundrobin", "round-robin"},
    {"balance", "static_rr", "round-robin"},
    {"balance", "rr", "round-robin"},
    {"balance", "wrr", "round-robin"},
    {"balance", "least_time", "fastest"},
    {"balance", "source", "source-hash"},
    {"balance", "ip_hash", "source-hash"},
    {"balance", "sh", "source-hash"},
    {"level", "warn", "warning"},
    {"level", "notice", "info"},
    {"level", "err", "error"},
    {"level", "crit", "error"},
    {"level", "alert", "error"},
    {"level", "emerg", "error"},
    {"level", "verbose", "debug"},
    {"level", "trace", "debug"},
    {"type", "tcp_check", "tcp"},
    {"type", "tcp_connect", "tcp"},
    {"type", "ftp", "banner"},
    {"type", "external_check", "script"},
    {"type", "misc_check", "script"},
    {"type", "off", "none"},
    {"by", "source", "network"},
    {"by", "src", "network"},
    {"by", "ip", "network"},
    {"by", "address", "network"},
    {"verify", "required", "full"},
    {"verify", "off", "none"},
    {"client_certificate", "optional", "request"},
    {"client_certificate", "required", "require"},
    {"client_certificate", "off", "none"},
    {"require", "off", "none"},
    {"require", "on", "login-and-data"},
    {"require", "ctrl", "login"},
    {"require", "ctrl+data", "login-and-data"},
    {"session_reuse", "on", "required"},
    {"mode", "tcp", "passthrough"},
    {"mode", "starttls", "explicit"},
    {"mode", "ftpes", "explicit"},
    {"mode", "ftps", "implicit"},
    {"mode", "on", "explicit"},
    {"send_proxy", "on", "v2"},
    {"send_proxy", "2", "v2"},
    {"send_proxy", "1", "v1"},
});

/// "TLSv1.2" and similar. Nobody should use SSLv3.
constexpr auto version_words = std::to_array<OtherWord>({
    {"", "tlsv1", "1.0"},
    {"", "tlsv1.0", "1.0"},
    {"", "tlsv1.1", "1.1"},
    {"", "tlsv1.2", "1.2"},
    {"", "tlsv1.3", "1.3"},
    {"", "tls1.2", "1.2"},
    {"", "tls1.3", "1.3"},
    {"", "tls12", "1.2"},
    {"", "tls13", "1.3"},
    {"", "tlsv12", "1.2"},
    {"", "tlsv13", "1.3"},
});

std::string plain(string_view word) {
    auto result = base::lower(word);
    std::ranges::replace(result, '-', '_');
    return result;
}

}  // namespace

std::optional<std::string> advice_for_key(string_view section, string_view key) {
    const auto theirs = plain(key);
    const auto fits = [&](const auto& each) {
        return each.section == section && each.theirs == theirs;
    };
    if (const auto* const found = std::ranges::find_if(renamed, fits); found != renamed.end())
        return fmt::format("here it is {}", found->ours);
    if (const auto* const found = std::ranges::find_if(otherwise, fits); found != otherwise.end())
        return std::string(found->advice);
    return std::nullopt;
}

std::optional<string_view> our_word(string_view key, string_view word) {
    const auto theirs = plain(word);
    if (key == "min_version" || key == "max_version") {
        const auto* const found = std::ranges::find(version_words, theirs, &OtherWord::theirs);
        return found == version_words.end() ? std::nullopt : std::optional(found->ours);
    }
    const auto* const found = std::ranges::find_if(other_words, [&](const OtherWord& each) {
        return each.key == key && each.theirs == theirs;
    });
    return found == other_words.end() ? std::nullopt : std::optional(found->ours);
}

}  // namespace ballast::config
