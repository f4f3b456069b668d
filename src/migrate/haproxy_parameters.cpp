// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_parameters.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ballast::migrate::haproxy {

namespace {

using std::string_view;
using enum Outcome;

constexpr string_view by_kernel = "the kernel's defaults are good for Ballast";
constexpr string_view by_workers = "Ballast gives each connection to its least busy worker";
constexpr string_view for_web = "it is for HTTP";
constexpr string_view for_unix = "Ballast serves clients over TCP only";
constexpr string_view no_crl = "Ballast reads no revocation lists: replace certificates instead";
constexpr string_view pools_nothing = "Ballast does not share connections to backends";
constexpr string_view own_resumption = "Ballast resumes TLS sessions on data connections by itself";
constexpr string_view no_agent =
    "there is no agent: let the agent's side call `ballast drain` and `ballast weight`, or use a "
    "probe of type \"script\"";
constexpr string_view old_tls = "Ballast speaks TLS 1.2 and 1.3 unless min_version says otherwise";

constexpr auto of_bind = std::to_array<Parameter>({
    {"accept-proxy", 0},
    {"accept-netscaler-cip", 1, unsupported, "Ballast reads the PROXY protocol only"},
    {"ssl", 0},
    {"crt", 1},
    {"default-crt", 1},
    {"crt-list", 1},
    {"ca-file", 1},
    {"ca-sign-file", 1, unsupported, "Ballast makes no certificates"},
    {"ca-sign-pass", 1, unsupported, "Ballast makes no certificates"},
    {"ca-verify-file", 1, approximated, "client_ca is the only list of authorities"},
    {"generate-certificates", 0, unsupported, "Ballast makes no certificates"},
    {"crl-file", 1, unsupported, no_crl},
    {"verify", 1},
    {"ca-ignore-err", 1, unsupported, "every error in a client's certificate counts"},
    {"crt-ignore-err", 1, unsupported, "every error in a client's certificate counts"},
    {"alpn", 1, not_needed, "FTP clients negotiate no protocol"},
    {"npn", 1, not_needed, "FTP clients negotiate no protocol"},
    {"no-alpn", 0, not_needed, "FTP clients negotiate no protocol"},
    {"ciphers", 1},
    {"ciphersuites", 1},
    {"curves", 1, not_needed, "OpenSSL's curves are used"},
    {"ecdhe", 1, not_needed, "OpenSSL's curves are used"},
    {"sigalgs", 1, not_needed, "OpenSSL's signature algorithms are used"},
    {"client-sigalgs", 1, not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-min-ver", 1},
    {"ssl-max-ver", 1},
    {"force-sslv3", 0, unsupported, "SSLv3 is broken, and OpenSSL does not have it any more"},
    {"force-tlsv10", 0},
    {"force-tlsv11", 0},
    {"force-tlsv12", 0},
    {"force-tlsv13", 0},
    {"no-sslv3", 0, not_needed, old_tls},
    {"no-tlsv10", 0, not_needed, old_tls},
    {"no-tlsv11", 0, not_needed, old_tls},
    {"no-tlsv12", 0},
    {"no-tlsv13", 0},
    {"strict-sni", 0, unsupported,
     "clients that ask for an unknown name get the first certificate; a route can reject them"},
    {"no-strict-sni", 0, not_needed, "that is what Ballast does"},
    {"prefer-client-ciphers", 0, not_needed, "OpenSSL's order is used"},
    {"tls-ticket-keys", 1},
    {"no-tls-tickets", 0, not_needed, own_resumption},
    {"tls-tickets", 0, not_needed, own_resumption},
    {"allow-0rtt", 0, not_needed, "FTP servers speak first, so early data has no use"},
    {"no-ca-names", 0, not_needed, "it only shortens the handshake"},
    {"ktls", 1, not_needed, "Ballast uses kernel TLS where the kernel has it"},
    {"ech", 1, unsupported, "Ballast has no encrypted ClientHello"},
    {"ocsp-update", 1, unsupported, "Ballast fetches no OCSP responses; `ocsp` names files"},
    {"transparent", 0},
    {"interface", 1, unsupported, "bind to an address of that interface instead"},
    {"namespace", 1, unsupported,
     "run Ballast in that namespace (NetworkNamespacePath= of systemd)"},
    {"v4v6", 0},
    {"v6only", 0},
    {"maxconn", 1},
    {"backlog", 1, not_needed, by_kernel},
    {"mss", 1, unsupported, "limit the segment size with nftables (tcp option maxseg size set)"},
    {"cc", 1, unsupported, "set net.ipv4.tcp_congestion_control instead"},
    {"tcp-md5sig", 1, unsupported, "Ballast signs no segments"},
    {"tcp-ut", 1, approximated, "Ballast notices dead clients by TCP keepalive and write_timeout"},
    {"tcp-ss", 1, not_needed, by_kernel},
    {"tfo", 0, not_needed, "FTP servers speak first, so TCP Fast Open gains nothing"},
    {"defer-accept", 0, not_needed,
     "FTP clients wait for the greeting, so it only delayed them; Ballast greets at once"},
    {"nice", 1, not_needed, by_workers},
    {"process", 1, not_needed, by_workers},
    {"thread", 1, not_needed, by_workers},
    {"shards", 1, not_needed, by_workers},
    {"guid-prefix", 1, not_needed, "the listener's name is enough"},
    {"idle-ping", 1, not_needed, for_web},
    {"label", 1, not_needed, "the listener's name is enough"},
    {"name", 1, not_needed, "the listener's name is enough"},
    {"id", 1, not_needed, "the listener's name is enough"},
    {"proto", 1, not_needed, for_web},
    {"quic-socket", 1, not_needed, for_web},
    {"quic-force-retry", 0, not_needed, for_web},
    {"quic-cc-algo", 1, not_needed, for_web},
    {"severity-output", 1, not_needed, for_unix},
    {"expose-fd", 1, not_needed, "`ballast upgrade` hands listeners over by itself"},
    {"level", 1, not_needed, for_unix},
    {"user", 1, not_needed, for_unix},
    {"group", 1, not_needed, for_unix},
    {"mode", 1, not_needed, for_unix},
    {"uid", 1, not_needed, for_unix},
    {"gid", 1, not_needed, for_unix},
});

constexpr auto of_server = std::to_array<Parameter>({
    {"check", 0},
    {"inter", 1},
    {"fastinter", 1},
    {"downinter", 1},
    {"rise", 1},
    {"fall", 1},
    {"port", 1},
    {"addr", 1},
    {"init-state", 1},
    {"check-ssl", 0},
    {"check-sni", 1, approximated, "probes ask for the name that sessions ask for"},
    {"check-sni-auto", 0, not_needed, "probes ask for the name that sessions ask for"},
    {"check-alpn", 1, not_needed, "FTP servers negotiate no protocol"},
    {"check-proto", 1, not_needed, for_web},
    {"check-send-proxy", 0},
    {"check-reuse-pool", 0, not_needed, "each probe connects anew; `quiet` keeps a login"},
    {"check-pool-conn-name", 1, not_needed, pools_nothing},
    {"check-via-socks4", 0, unsupported, "Ballast connects to backends directly"},
    {"healthcheck", 1, approximated, "the probe reads the greeting; see `probe` for more"},
    {"agent-check", 0, unsupported, no_agent},
    {"agent-port", 1, not_needed, no_agent},
    {"agent-addr", 1, not_needed, no_agent},
    {"agent-inter", 1, not_needed, no_agent},
    {"agent-send", 1, not_needed, no_agent},
    {"observe", 1},
    {"error-limit", 1},
    {"on-error", 1},
    {"on-marked-down", 1},
    {"on-marked-up", 1},
    {"weight", 1},
    {"backup", 0},
    {"disabled", 0},
    {"enabled", 0},
    {"maxconn", 1},
    {"minconn", 1, approximated, "maxconn applies whatever the load is"},
    {"maxqueue", 1},
    {"slowstart", 1},
    {"strict-maxconn", 0, not_needed, "max_sessions is strict"},
    {"track", 1},
    {"send-proxy", 0},
    {"send-proxy-v2", 0},
    {"send-proxy-v2-ssl", 0},
    {"send-proxy-v2-ssl-cn", 0},
    {"proxy-v2-options", 1, approximated,
     "version 2 contains the session's id and, for clients with TLS, the version, the cipher, the "
     "SNI name and the certificate's common name"},
    {"set-proxy-v2-tlv-fmt", 1, unsupported, "the fields of the header are fixed"},
    {"source", 1},
    {"usesrc", 1},
    {"ssl", 0},
    {"verify", 1},
    {"verifyhost", 1},
    {"ca-file", 1},
    {"crl-file", 1, unsupported, no_crl},
    {"crt", 1},
    {"sni", 1},
    {"sni-auto", 0, not_needed, "Ballast asks for the host of the address by itself"},
    {"alpn", 1, not_needed, "FTP servers negotiate no protocol"},
    {"npn", 1, not_needed, "FTP servers negotiate no protocol"},
    {"ciphers", 1},
    {"ciphersuites", 1},
    {"curves", 1, not_needed, "OpenSSL's curves are used"},
    {"sigalgs", 1, not_needed, "OpenSSL's signature algorithms are used"},
    {"client-sigalgs", 1, not_needed, "OpenSSL's signature algorithms are used"},
    {"ssl-min-ver", 1},
    {"ssl-max-ver", 1},
    {"force-sslv3", 0, unsupported, "SSLv3 is broken, and OpenSSL does not have it any more"},
    {"force-tlsv10", 0},
    {"force-tlsv11", 0},
    {"force-tlsv12", 0},
    {"force-tlsv13", 0},
    {"sslv3", 0, unsupported, "SSLv3 is broken, and OpenSSL does not have it any more"},
    {"tlsv10", 0, not_needed, old_tls},
    {"tlsv11", 0, not_needed, old_tls},
    {"no-sslv3", 0, not_needed, old_tls},
    {"no-tlsv10", 0, not_needed, old_tls},
    {"no-tlsv11", 0, not_needed, old_tls},
    {"no-tlsv12", 0},
    {"no-tlsv13", 0},
    {"ssl-reuse", 0, not_needed, own_resumption},
    {"no-ssl-reuse", 0, not_needed, own_resumption},
    {"tls-tickets", 0, not_needed, own_resumption},
    {"no-tls-tickets", 0, not_needed, own_resumption},
    {"renegotiate", 0, not_needed, "Ballast never renegotiates"},
    {"no-renegotiate", 0, not_needed, "Ballast never renegotiates"},
    {"allow-0rtt", 0, not_needed, "FTP servers speak first, so early data has no use"},
    {"ktls", 1, not_needed, "Ballast uses kernel TLS where the kernel has it"},
    {"resolvers", 1},
    {"resolve-prefer", 1, approximated, "every address of a name is a backend, of both families"},
    {"resolve-opts", 1, approximated, "every address of a name is a backend"},
    {"resolve-net", 1, approximated, "every address of a name is a backend"},
    {"init-addr", 1, not_needed, "Ballast starts while a name cannot be resolved, and asks again"},
    {"tcp-ut", 1},
    {"tfo", 0, not_needed, "FTP servers speak first, so TCP Fast Open gains nothing"},
    {"cc", 1, unsupported, "set net.ipv4.tcp_congestion_control instead"},
    {"tcp-md5sig", 1, unsupported, "Ballast signs no segments"},
    {"namespace", 1, unsupported,
     "run Ballast in that namespace (NetworkNamespacePath= of systemd)"},
    {"socks4", 1, unsupported, "Ballast connects to backends directly"},
    {"interface", 1, unsupported, "the routing table decides; use a routing rule"},
    {"cookie", 1, not_needed, for_web},
    {"redir", 1, not_needed, for_web},
    {"ws", 1, not_needed, for_web},
    {"proto", 1, not_needed, for_web},
    {"hash-key", 1, approximated, "the hash is made of the backend's name and address"},
    {"stick", 0, not_needed, "that is the default"},
    {"non-stick", 0, unsupported, "stickiness is for all backends of a pool"},
    {"id", 1, not_needed, "the backend's name is enough"},
    {"guid", 1, not_needed, "the backend's name is enough"},
    {"shard", 1, not_needed, "it is for stick tables"},
    {"log-proto", 1, not_needed, "it is for logs"},
    {"log-bufsize", 1, not_needed, "it is for logs"},
    {"idle-ping", 1, not_needed, for_web},
    {"max-reuse", 1, not_needed, pools_nothing},
    {"pool-conn-name", 1, not_needed, pools_nothing},
    {"pool-low-conn", 1, not_needed, pools_nothing},
    {"pool-max-conn", 1, not_needed, pools_nothing},
    {"pool-purge-delay", 1, not_needed, pools_nothing},
});

/// "set-proxy-v2-tlv-fmt(0x20)"
string_view without_argument(string_view word) { return word.substr(0, word.find('(')); }

}  // namespace

std::span<const Parameter> bind_parameters() { return of_bind; }
std::span<const Parameter> server_parameters() { return of_server; }

const std::string& Given::value() const {
    static const std::string none;
    return values.empty() ? none : values.front();
}

std::string Given::text() const {
    std::string text = name;
    for (const auto& each : values) text += ' ' + each;
    return text;
}

void Parameters::add(Given given) {
    const bool may_repeat = given.name == "crt";
    if (!may_repeat)
        std::erase_if(all_, [&](const Given& other) { return other.name == given.name; });
    if (given.name.starts_with("no-")) {
        const auto undone = given.name.substr(3);
        std::erase_if(all_, [&](const Given& other) { return other.name == undone; });
    }
    all_.push_back(std::move(given));
}

const Given* Parameters::find(string_view name) const {
    const auto found = std::ranges::find(all_, name, &Given::name);
    return found == all_.end() ? nullptr : &*found;
}

std::vector<std::string> Parameters::values_of(string_view name) const {
    std::vector<std::string> values;
    for (const auto& given : all_)
        if (given.name == name) values.push_back(given.value());
    return values;
}

std::vector<Given> read_parameters(const Line& line, std::size_t first,
                                   std::span<const Parameter> known) {
    std::vector<Given> found;
    for (std::size_t i = first; i < line.words.size(); ++i) {
        Given given;
        given.name = line.words[i];
        given.line = line.number;
        auto parameter = std::ranges::find(known, without_argument(given.name), &Parameter::name);
        // "no-check" undoes "check", with no value whatever that has.
        const bool is_undone = parameter == known.end() && given.name.starts_with("no-");
        if (is_undone) parameter = std::ranges::find(known, given.name.substr(3), &Parameter::name);
        if (parameter != known.end()) given.known = &*parameter;
        for (auto left = is_undone || given.known == nullptr ? 0 : parameter->values;
             left > 0 && i + 1 < line.words.size(); --left)
            given.values.push_back(line.words[++i]);
        found.push_back(std::move(given));
    }
    return found;
}

}  // namespace ballast::migrate::haproxy
