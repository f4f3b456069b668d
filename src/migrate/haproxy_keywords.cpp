// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_keywords.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace ballast::migrate::haproxy {

namespace {

using std::string_view;
using enum Outcome;

constexpr string_view by_unit = "the systemd unit does this, see docs/installing.md";
constexpr string_view replaced = "another line takes its place";
constexpr string_view tuned = "Ballast needs no such tuning";
constexpr string_view web = "it is for HTTP";
constexpr string_view no_lua = "Ballast runs no Lua";
constexpr string_view no_mail =
    "Ballast sends no mail: let an alert on its metrics do so (docs/metrics.md)";
constexpr string_view ends_first =
    "Ballast notices at once when one side of a connection has ended";
constexpr string_view own_log = "the log has the fields that FTP has, see docs/log.md";
constexpr string_view keepalive = "Ballast always switches TCP keepalive on";
constexpr string_view states =
    "probes find out again at the start; `state_file` in [admin] keeps what operators set";

constexpr auto of_global = std::to_array<Keyword>({
    {"nbthread", not_needed, "Ballast runs a worker on each core"},
    {"nbproc", not_needed, "Ballast runs a worker on each core"},
    {"nbtgroups", not_needed, "Ballast runs a worker on each core"},
    {"thread-groups", not_needed, "Ballast runs a worker on each core"},
    {"thread-group", not_needed, "Ballast runs a worker on each core"},
    {"thread-hard-limit", not_needed, "Ballast runs a worker on each core"},
    {"cpu-map", not_needed,
     "the scheduler places the workers; CPUAffinity= of systemd limits them"},
    {"cpu-policy", not_needed, "the scheduler places the workers"},
    {"cpu-set", not_needed, "the scheduler places the workers"},
    {"numa-cpu-mapping", not_needed, "the scheduler places the workers"},
    {"ulimit-n", not_needed, "Ballast raises the limit by itself as far as it may"},
    {"fd-hard-limit", not_needed, "Ballast raises the limit by itself as far as it may"},
    {"maxconn", not_needed, replaced},
    {"maxconnrate", not_needed, replaced},
    {"maxsessrate", not_needed, replaced},
    {"maxsslconn", approximated, "connections with TLS count like others, in limits.sessions"},
    {"maxsslrate", approximated, "sessions with TLS count like others, in limits.session_rate"},
    {"maxpipes", not_needed, "Ballast makes as many pipes as transfers need"},
    {"maxcomprate", not_needed, web},
    {"maxcompcpuusage", not_needed, web},
    {"maxzlibmem", not_needed, web},
    {"stats socket", not_needed, replaced},
    {"stats timeout", not_needed, "`ballast` commands have a time-out of their own"},
    {"stats maxconn", not_needed, "the admin socket has a limit of its own"},
    {"stats bind-process", not_needed, "Ballast is one process"},
    {"stats-file", not_needed, "the metrics server keeps counters over a restart"},
    {"log", not_needed, replaced},
    {"log-tag", approximated, "lines for syslog are tagged `ballast`"},
    {"log-send-hostname", not_needed, "the form of RFC 5424 has the host's name"},
    {"chroot", not_needed, by_unit},
    {"user", not_needed, by_unit},
    {"group", not_needed, by_unit},
    {"uid", not_needed, by_unit},
    {"gid", not_needed, by_unit},
    {"setcap", not_needed, by_unit},
    {"daemon", not_needed, by_unit},
    {"pidfile", not_needed, by_unit},
    {"master-worker", not_needed, "Ballast reloads and upgrades without a master process"},
    {"mworker-max-reloads", not_needed, "Ballast reloads without new processes"},
    {"hard-stop-after", not_needed, replaced},
    {"grace", not_needed, "`ballast drain --all` takes the balancer out before it ends"},
    {"close-spread-time", not_needed, "`ballast drain --idle` ends sessions as they become idle"},
    {"spread-checks", not_needed, replaced},
    {"max-spread-checks", not_needed, "jitter_percent bounds it"},
    {"server-state-file", not_needed, states},
    {"server-state-base", not_needed, states},
    {"external-check", not_needed, "a probe of type \"script\" needs no permission"},
    {"insecure-fork-wanted", not_needed, "a probe of type \"script\" needs no permission"},
    {"insecure-setuid-wanted", not_needed, by_unit},
    {"ssl-default-bind-ciphers", not_needed, "no listener has TLS"},
    {"ssl-default-bind-ciphersuites", not_needed, "no listener has TLS"},
    {"ssl-default-bind-options", not_needed, "no listener has TLS"},
    {"ssl-default-bind-curves", not_needed, "OpenSSL's curves are used"},
    {"ssl-default-bind-sigalgs", not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-default-bind-client-sigalgs", not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-default-server-ciphers", not_needed, "no server has TLS"},
    {"ssl-default-server-ciphersuites", not_needed, "no server has TLS"},
    {"ssl-default-server-options", not_needed, "no server has TLS"},
    {"ssl-default-server-curves", not_needed, "OpenSSL's curves are used"},
    {"ssl-default-server-sigalgs", not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-default-server-client-sigalgs", not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-server-verify", not_needed, "no server has TLS"},
    {"ssl-dh-param-file", not_needed, "Ballast uses elliptic curves"},
    {"ssl-load-extra-files", not_needed, "`key` and `ocsp` name such files"},
    {"ssl-load-extra-del-ext", not_needed, "`key` and `ocsp` name such files"},
    {"ssl-engine", unsupported, "Ballast uses OpenSSL's own providers"},
    {"ssl-provider", unsupported, "configure providers in openssl.cnf"},
    {"ssl-provider-path", unsupported, "configure providers in openssl.cnf"},
    {"ssl-propquery", unsupported, "configure providers in openssl.cnf"},
    {"ssl-mode-async", not_needed, tuned},
    {"ssl-skip-self-issued-ca", not_needed, tuned},
    {"ssl-security-level", unsupported, "write @SECLEVEL=N into `ciphers`"},
    {"issuers-chain-path", unsupported,
     "write intermediate certificates into the certificate's file"},
    {"ca-base", not_needed, "no file needs it"},
    {"crt-base", not_needed, "no file needs it"},
    {"key-base", not_needed, "no file needs it"},
    {"default-path", not_needed, "no file needs it"},
    {"setenv", mapped, "the variable has this value wherever the file uses it"},
    {"presetenv", mapped, "the variable has this value wherever the file uses it"},
    {"unsetenv", mapped, "the variable has no value behind this line"},
    {"resetenv", mapped, "only the variables named here have values behind this line"},
    {"localpeer", not_needed, "Ballast has no peers"},
    {"node", not_needed, "logs have the host's name"},
    {"description", not_needed, "it is a comment"},
    {"cluster-secret", not_needed, web},
    {"unix-bind", not_needed, "the admin socket belongs to `group` in [admin]"},
    {"busy-polling", not_needed, tuned},
    {"noepoll", not_needed, tuned},
    {"nopoll", not_needed, tuned},
    {"nokqueue", not_needed, tuned},
    {"noevports", not_needed, tuned},
    {"nosplice", not_needed, "Ballast moves data with splice(2), which current kernels do well"},
    {"nogetaddrinfo", not_needed, tuned},
    {"noreuseport", not_needed, "Ballast never shares a port between processes"},
    {"limited-quic", not_needed, web},
    {"no-quic", not_needed, web},
    {"no-memory-trimming", not_needed, tuned},
    {"no strict-limits", not_needed, "Ballast says so when limits are too low, and runs"},
    {"strict-limits", not_needed, "Ballast says so when limits are too low, and runs"},
    {"set-dumpable", not_needed, replaced},
    {"quiet", not_needed, "Ballast writes to its log only"},
    {"zero-warning", approximated, "`ballast check --strict` counts warnings as errors"},
    {"expose-deprecated-directives", not_needed, tuned},
    {"expose-experimental-directives", not_needed, tuned},
    {"anonkey", not_needed, tuned},
    {"harden.*", not_needed, tuned},
    {"prealloc-fd", not_needed, tuned},
    {"pp2-never-send-local", not_needed, "probes send the header that `proxy` in `probe` says"},
    {"profiling.*", not_needed, tuned},
    {"tune.*", not_needed, tuned},
    {"h1-*", not_needed, web},
    {"h2-*", not_needed, web},
    {"lua-*", left_to_haproxy, no_lua},
    {"51degrees-*", not_needed, web},
    {"deviceatlas-*", not_needed, web},
    {"wurfl-*", not_needed, web},
    {"httpclient.*", not_needed, web},
    {"ocsp-update.*", not_needed, "Ballast fetches no OCSP responses; `ocsp` names files"},
    {"shm-stats-file*", not_needed, "the metrics server keeps counters over a restart"},
    {"dns-accept-family", not_needed, "every address of a name is a backend, of both families"},
    {"force-cfg-parser-pause", not_needed, tuned},
    {"warn-blocked-traffic-after", not_needed, tuned},
});

constexpr auto of_proxies = std::to_array<Keyword>({
    {"mode", mapped, "FTP needs mode tcp"},
    {"bind", not_needed, replaced},
    {"server", not_needed, replaced},
    {"server-template", not_needed, replaced},
    {"default-server", not_needed, "no server inherits this"},
    {"default_backend", not_needed, replaced},
    {"use_backend", unsupported, "it has no counterpart here"},
    {"use-server", unsupported,
     "routes choose a pool: put that server into a pool of its own and use a route"},
    {"acl", not_needed, "no rule that was carried over uses it"},
    {"balance", not_needed, replaced},
    {"hash-type", not_needed, "no server is chosen by a hash"},
    {"hash-balance-factor", not_needed, "no server is chosen by a hash"},
    {"hash-preserve-affinity", not_needed, "stickiness is a matter of [pool.NAME.stick]"},
    {"maxconn", not_needed, replaced},
    {"backlog", not_needed, "the kernel's default is good for Ballast"},
    {"fullconn", approximated, "max_sessions of a backend applies whatever the load is"},
    {"retries", approximated,
     "Ballast tries each backend of the pool once, and the client waits meanwhile"},
    {"retry-on", not_needed, web},
    {"option redispatch", not_needed, "Ballast always tries the next backend"},
    {"option tcp-check", not_needed, replaced},
    {"tcp-check", not_needed, "the probe needs no script"},
    {"option external-check", approximated, replaced},
    {"external-check", not_needed, "no probe runs a program"},
    {"option smtpchk", not_needed, replaced},
    {"option ssl-hello-chk", not_needed, replaced},
    {"option mysql-check", not_needed, replaced},
    {"option pgsql-check", not_needed, replaced},
    {"option redis-check", not_needed, replaced},
    {"option ldap-check", not_needed, replaced},
    {"option spop-check", not_needed, replaced},
    {"option httpchk", not_needed, replaced},
    {"option log-health-checks", not_needed, "the log has each change of a backend's health"},
    {"option allbackups", not_needed, "all backends with `backup` serve together"},
    {"option tcpka", not_needed, keepalive},
    {"option clitcpka", not_needed, keepalive},
    {"option srvtcpka", not_needed, keepalive},
    {"clitcpka-cnt", not_needed, keepalive},
    {"clitcpka-idle", not_needed, keepalive},
    {"clitcpka-intvl", not_needed, keepalive},
    {"srvtcpka-cnt", not_needed, keepalive},
    {"srvtcpka-idle", not_needed, keepalive},
    {"srvtcpka-intvl", not_needed, keepalive},
    {"option tcplog", not_needed, own_log},
    {"option dontlognull", not_needed, "connections without a login have no line of their own"},
    {"option dontlog-normal", unsupported,
     "the log has every session; `level` leaves out the harmless"},
    {"option logasap", not_needed, "the log has a session's login at once"},
    {"option log-separate-errors", not_needed, "the lines of errors have a level of their own"},
    {"option socket-stats", not_needed, "metrics count each listener"},
    {"option contstats", not_needed, "metrics count while transfers run"},
    {"option tcp-smart-accept", not_needed, "FTP servers speak first"},
    {"option tcp-smart-connect", not_needed, "FTP servers speak first"},
    {"option splice-auto", not_needed, "Ballast moves data with splice(2)"},
    {"option splice-request", not_needed, "Ballast moves data with splice(2)"},
    {"option splice-response", not_needed, "Ballast moves data with splice(2)"},
    {"option nolinger", not_needed, "an aborted transfer is reset, others end in order"},
    {"option abortonclose", not_needed, "a client that leaves gives up its place in the queue"},
    {"option persist", unsupported, "a backend that is down gets no sessions"},
    {"option idle-close-on-response", not_needed, web},
    {"option independent-streams", not_needed, "idle_timeout does not count while data moves"},
    {"option transparent", unsupported, "a listener serves the addresses in `bind`"},
    {"option use-small-buffers", not_needed, "an idle session holds no buffer"},
    {"option srvtcpka*", not_needed, keepalive},
    {"force-persist", unsupported, "a backend that is down gets no sessions"},
    {"ignore-persist", unsupported, "stickiness applies to all sessions of a pool"},
    {"persist", not_needed, "it is for RDP"},
    {"dispatch", unsupported, "write a backend with this address"},
    {"log", not_needed, own_log},
    {"log-format", not_needed, own_log},
    {"log-format-sd", not_needed, own_log},
    {"error-log-format", not_needed, own_log},
    {"log-tag", approximated, "lines for syslog are tagged `ballast`"},
    {"log-steps", not_needed, own_log},
    {"timeout connect", not_needed, replaced},
    {"timeout client", not_needed, replaced},
    {"timeout server", not_needed, replaced},
    {"timeout tunnel", not_needed, replaced},
    {"timeout queue", not_needed, replaced},
    {"timeout check", not_needed, replaced},
    {"timeout client-fin", not_needed, ends_first},
    {"timeout server-fin", not_needed, ends_first},
    {"timeout client-hs", not_needed, replaced},
    {"stick-table", not_needed, "nothing that was carried over counts in it"},
    {"stick", unsupported, "clients stick by their network or their user, see [pool.NAME.stick]"},
    {"source", approximated, "the source of the pool counts, for control and data connections"},
    {"rate-limit sessions", not_needed, replaced},
    {"tcp-request inspect-delay", not_needed, "FTP servers speak first, so nothing is waited for"},
    {"tcp-request", unsupported, "Ballast has no such rule; see docs/security.md for what it has"},
    {"tcp-response", unsupported, "Ballast reads the replies by itself, and has no such rule"},
    {"filter bwlim-in", not_needed, replaced},
    {"filter bwlim-out", not_needed, replaced},
    {"filter trace", not_needed, "`ballast explain` tells what happened"},
    {"filter spoe", unsupported, "Ballast asks no agents"},
    {"filter", unsupported, "Ballast has no such filter"},
    {"email-alert", unsupported, no_mail},
    {"disabled", not_needed, "the section is not in use"},
    {"enabled", not_needed, "that is the default"},
    {"description", not_needed, "it is a comment"},
    {"id", not_needed, "the name is enough"},
    {"guid", not_needed, "the name is enough"},
    {"bind-process", not_needed, "Ballast is one process"},
    {"load-server-state-from-file", not_needed, states},
    {"server-state-file-name", not_needed, states},
    {"declare capture", not_needed, web},
    {"option disable-h2-upgrade", not_needed, web},
    {"option dontlog*", unsupported, "the log has every session"},
    {"http-*", not_needed, web},
    {"timeout http-*", not_needed, web},
    {"timeout tarpit", not_needed, web},
    {"option http*", not_needed, web},
    {"option forwardfor", not_needed, web},
    {"option originalto", not_needed, web},
    {"option accept-*", not_needed, web},
    {"option h1-*", not_needed, web},
    {"option h2-*", not_needed, web},
    {"option prefer-last-server", not_needed, web},
    {"option checkcache", not_needed, web},
    {"stats", not_needed, "`ballast top`, the admin API and the metrics take its place"},
    {"monitor-net", not_needed, "`ballast health` tells whether Ballast can serve"},
    {"errorfile", not_needed, web},
    {"errorfiles", not_needed, web},
    {"errorloc*", not_needed, web},
    {"monitor-uri", not_needed, web},
    {"cookie", not_needed, web},
    {"compression", not_needed, web},
    {"capture", not_needed, web},
    {"redirect", not_needed, web},
    {"unique-id-*", not_needed, web},
    {"use-fcgi-app", not_needed, web},
    {"max-session-srv-conns", not_needed, web},
    {"max-keep-alive-queue", not_needed, web},
});

constexpr Keyword other{"", left_to_haproxy, "it is not for FTP"};
constexpr auto of_sections = std::to_array<Keyword>({
    {"peers", left_to_haproxy, "no table for FTP is shared"},
    {"mailers", left_to_haproxy, "no proxy for FTP sends mail"},
    {"userlist", left_to_haproxy, "it is for HTTP: users of FTP log in to the backends"},
    {"ring", not_needed, "it buffers logs; Ballast's log has a buffer of its own"},
    {"traces", not_needed, "`ballast explain` tells what happened"},
    {"program", not_needed, "let systemd run the program"},
    {"log-profile", not_needed, own_log},
    {"healthcheck", approximated, "the probe reads the greeting; see `probe` for more"},
});

/// As many words as the keyword has; the last one may be a prefix.
bool matches(string_view keyword, const Line& line) {
    const bool is_prefix = keyword.ends_with('*');
    if (is_prefix) keyword.remove_suffix(1);
    for (std::size_t i = 0;; ++i) {
        const auto end = keyword.find(' ');
        if (end == string_view::npos)
            return is_prefix ? line.word(i).starts_with(keyword) : line.word(i) == keyword;
        if (line.word(i) != keyword.substr(0, end)) return false;
        keyword.remove_prefix(end + 1);
    }
}

/// The most specific one: that with the longest words.
const Keyword* find(std::span<const Keyword> keywords, const Line& line) {
    const Keyword* best = nullptr;
    for (const auto& keyword : keywords)
        if (matches(keyword.words, line) &&
            (best == nullptr || keyword.words.size() > best->words.size()))
            best = &keyword;
    return best;
}

/// "no option X" and "default option X" like "option X".
Line without_no(const Line& line) {
    auto rest = line;
    if (rest.words.size() > 1 && (rest.words[0] == "no" || rest.words[0] == "default"))
        rest.words.erase(rest.words.begin());
    return rest;
}

constexpr Keyword switched_off{"no", not_needed, "it switches something off"};

}  // namespace

const Keyword* find_global(const Line& line) {
    if (const auto* const found = find(of_global, line)) return found;
    return line.words.front() == "no" && find(of_global, without_no(line)) != nullptr
               ? &switched_off
               : nullptr;
}

const Keyword* find_of_proxy(const Line& line) {
    const auto* const found = find(of_proxies, without_no(line));
    return found != nullptr && without_no(line).words.size() != line.words.size() ? &switched_off
                                                                                  : found;
}

const Keyword& of_section(string_view kind) {
    const auto found = std::ranges::find(of_sections, kind, &Keyword::words);
    return found == of_sections.end() ? other : *found;
}

}  // namespace ballast::migrate::haproxy
