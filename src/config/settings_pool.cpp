// SPDX-License-Identifier: Apache-2.0
#include "balance/policies.h"
#include "config/limits.h"
#include "config/settings.h"
#include "config/tls_settings.h"
#include "config/words.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

/// Ends with zeros. A text that is too long does not compile.
constexpr auto meaning_of_balance = [] {
    std::array<char, 2048> text{};
    char* end = text.data();
    const auto add = [&](string_view part) { end = std::ranges::copy(part, end).out; };
    add("Which backend the next session gets.");
    for (const auto& policy : balance::policies)
        for (const auto part :
             std::to_array<string_view>({" `", policy.name, "`: ", policy.meaning, "."}))
            add(part);
    return text;
}();

constexpr auto pool_settings = std::to_array<Setting>({
    {"balance", word<&Pool::balance, balances>, string_view(meaning_of_balance.data())},
    {"hash_load_percent", Number{at<&Pool::hash_load_percent>, 0, 10'000},
     "For `source-hash` and `user-hash`: how much of its fair share of sessions a backend may hold "
     "before further clients go to their next choice. 101 or more; 0 is without bound."},
    {"fallback", Name{at<&Pool::fallback>, true},
     "The pool that serves while no backend of this one can. Empty is none."},
    {"slow_start", Time{at<&Pool::slow_start>, 0s, time_max},
     "How long a backend that came up again takes to have its whole share of sessions. `0s` is at "
     "once."},
    {"backends_file", Text{at<&Pool::backends_file>, 0, path_bytes_max},
     "File with more backends, in TOML: only `[[backend]]` tables, with the keys of "
     "`[[pool.NAME.backend]]`. When it has changed, and then been quiet for a second, it is read "
     "again; a file with a problem changes nothing. Empty is none."},
    {"may_be_empty", Flag{at<&Pool::may_be_empty>},
     "Whether `backends_file` may hold no backend. If false that is a problem: the file may be "
     "half written."},
    {"backend_user", UserNames{at<&Pool::backend_user>},
     "The name that backends hear in USER instead of the client's; the password stays the "
     "client's. One name is for all users, such as `{user}@example.com`; in a table the pattern "
     "with the most characters besides `*` and `?` decides, and users without one keep their "
     "name. Everything else, limits, bans and stickiness among it, goes by the client's name. "
     "`{}` is nobody's."},
    {"send_proxy", word<&Pool::send_proxy, proxy_headers>,
     "The version of the PROXY protocol whose header, with the client's address, begins the "
     "control connection of each session to a backend. Version 2 also has our session's id and, of "
     "a client under TLS, the version, the cipher, the name it asked for and its certificate's "
     "common name. Data connections never have one."},
    {"backend_data", word<&Pool::backend_data, backend_data_modes>,
     "How data connections to the backends are made. `auto` asks with EPSV, or with PASV where "
     "that is refused, whatever the client does; `epsv` and `pasv` use only that. With `port` and "
     "`eprt` the backend connects to one of `data_ports`. `as-client` sends the client's own verb "
     "on at once, dials the port that the backend names and answers with the backend's text; REST "
     "and ABOR are passed on as well."},
    {"data_ports", OptionalPorts{at<&Pool::data_ports>},
     "Where backends connect to. `port`, `eprt` and `as-client` in `backend_data` need them. "
     "Several pools may share one identical range; it must have no port of a listener, whether of "
     "`passive_ports` or of an address, and not overlap another pool's in part."},
    {"trust_low_ports", Flag{at<&Pool::trust_low_ports>},
     "Whether data connections go to a port below 1024 if a backend's answer to PASV or EPSV names "
     "one. If false such an answer is refused: well-known services listen there, not data ports."},
    {"trust_pasv_address", Flag{at<&Pool::trust_pasv_address>},
     "Whether data connections go to the address in a backend's answer to PASV. If false they go "
     "to the backend's own address, whatever it says."},
    {"data_peer", Peer{at<&Pool::data_peer>},
     "Who may connect to a data port: with `exact` only the backend's address, with a network its "
     "addresses as well, with `any` everybody."},
    {"connect_timeout", Time{at<&Pool::connect_timeout>, 1ms, time_max},
     "For a backend to accept a control or data connection; then the next backend is tried."},
    {"greeting_timeout", Time{at<&Pool::greeting_timeout>, 1ms, time_max},
     "For a backend to send its 220 after it accepted; then the next backend is tried."},
    {"reply_timeout", Time{at<&Pool::reply_timeout>, 1ms, time_max},
     "For a backend to answer a command, USER and PASS among them, and for each further line of "
     "its answer. For verbs that may take long `long_reply_timeout` holds instead."},
    {"long_reply_timeout", Time{at<&Pool::long_reply_timeout>, 1ms, time_max},
     "The same for verbs that may read whole files or directories: listings and transfers up to "
     "their 1xx, STAT, SIZE, SITE, DELE, RMD, RNTO, checksums (HASH, XCRC, XMD5, XSHA1 and the "
     "like), and verbs that Ballast does not know. `reply_timeout` where that is longer. Answers "
     "to other verbs have as long as this for all their lines."},
    {"reply_time_max", Time{at<&Pool::reply_time_max>, 1ms, time_max},
     "From the first line of a backend's reply to its last, however many lines come: one that goes "
     "on for longer is cut off, and the session ends with `421`."},
    {"final_reply_timeout", Time{at<&Pool::final_reply_timeout>, 1ms, time_max},
     "From the end of a transfer's data to the backend's last reply to it. Servers that store or "
     "scan a file after they received it need longer."},
    {"tcp_user_timeout", Time{at<&Pool::tcp_user_timeout>, 1ms, time_max},
     "How long what was sent on a control connection to a backend may go unacknowledged, or "
     "a keep-alive unanswered, before the backend is taken for gone."},
    {"resolve_interval", Time{at<&Pool::resolve_interval>, 1ms, time_max},
     "How often host names in `address` are looked up again."},
    {"reply_line_bytes_max", Size{at<&Pool::reply_line_bytes_max>, 512, 1 * mib},
     "The longest line of a backend's reply."},
    {"reply_bytes_max", Size{at<&Pool::reply_bytes_max>, 512, 16 * mib},
     "The longest reply of a backend, all its lines. Not less than `reply_line_bytes_max`. Replies "
     "to the verbs that `long_reply_timeout` is for, but for transfers, are passed on line by line "
     "as they come, and may be longer."},
});
constexpr std::array<string_view, 6> pool_tables = {"stick", "queue", "observe",
                                                    "probe", "tls",   "backend"};
constexpr std::array<string_view, 2> pool_alternatives = {"backend", "backends_file"};

constexpr auto stick_settings = std::to_array<Setting>({
    {"by", word<&Stick::by, stick_bys>,
     "What makes two sessions those of one client: `network` is the client's address, as much of "
     "it as the prefixes below say, and `user` the user's name. `none` turns it off."},
    {"timeout", Time{at<&Stick::timeout>, 1ms, 168h},
     "How long a client's backend is remembered after the last of its sessions began or ended."},
    {"ipv4_prefix", Number{at<&Stick::ipv4_prefix>, 0, 32},
     "Bits of an IPv4 address that count. 24 takes the 256 addresses of 192.0.2.0/24 for one "
     "client."},
    {"ipv6_prefix", Number{at<&Stick::ipv6_prefix>, 0, 128},
     "Bits of an IPv6 address that count. 64 is the network of one site, whose machines change "
     "their addresses."},
    {"entries_max", Number{at<&Stick::entries_max>, 1, 10'000'000},
     "How many clients are remembered. Beyond that the one that was away for longest is "
     "forgotten."},
    {"otherwise", word<&Stick::otherwise, stick_otherwises>,
     "When the client's backend is down or full: `choose` chooses another, to which the "
     "client then sticks; `refuse` refuses the session."},
});

constexpr auto queue_settings = std::to_array<Setting>({
    {"length", Number{at<&Queue::length>, 0, 1'000'000},
     "How many clients may wait at once; others are refused at once. 0 is none."},
    {"timeout", Time{at<&Queue::timeout>, 1ms, time_max},
     "For how long a client waits before it is refused with 421."},
});

constexpr auto observe_settings = std::to_array<Setting>({
    {"failures", Number{at<&Observe::failures>, 0, 1000},
     "Failed connections and bad greetings in a row, of live sessions, after which a backend is "
     "ejected: it gets no sessions for a while. 0 is never."},
    {"ejection_time", Time{at<&Observe::ejection_time>, 1ms, time_max},
     "For how long, the first time. It grows each time that the backend fails again."},
    {"panic_threshold", Number{at<&Observe::panic_threshold>, 0, 100},
     "Percent of the pool's backends that stay usable whatever is observed: what would leave fewer "
     "ejects nobody."},
});

constexpr auto probe_settings = std::to_array<Setting>({
    {"type", word<&Probe::type, probe_types>,
     "`tcp` connects; `banner` reads the greeting as well and begins TLS if the pool's `tls` says "
     "so, which is as far as one gets without an account; `login` logs in, too; `script` runs a "
     "program of yours; `none` trusts what live sessions see."},
    {"user", Text{at<&Probe::user>, 0, 256}, "Who logs in. `login` needs it."},
    {"password_file", Text{at<&Probe::password_file>, 0, path_bytes_max},
     "File whose first line is the password. `login` needs it."},
    {"pwd", Flag{at<&Probe::pwd>}, "Whether `login` asks PWD after the login."},
    {"list", Text{at<&Probe::list>, 0, path_bytes_max},
     "Directory that `login` lists over a data connection. Empty is none."},
    {"canary", Text{at<&Probe::canary>, 0, path_bytes_max},
     "File that `login` reads whole over a data connection. Backends on which its size or time "
     "differ are logged. Empty is none."},
    {"canary_sha256", Formed{at<&Probe::canary_sha256>, &sha256},
     "The SHA-256 of what the canary has to hold. Empty is anything."},
    {"canary_bytes_max", Size{at<&Probe::canary_bytes_max>, 1, 1024 * mib},
     "A canary with more has failed."},
    {"script", Text{at<&Probe::script>, 0, path_bytes_max},
     "Program that `type = \"script\"` runs, with two arguments, the backend's address and port. "
     "Its environment is `PATH`, `BALLAST_POOL` and `BALLAST_BACKEND` (their names), "
     "`BALLAST_ADDRESS` and `BALLAST_PORT` (the arguments), `BALLAST_STATE` (`up`, `down` or "
     "`unknown`) and `BALLAST_TIMEOUT_MS`, nothing else. Exit status 0 passes; otherwise the first "
     "line that it prints is the reason. At `timeout` its process group is killed."},
    {"quiet", Flag{at<&Probe::quiet>},
     "Whether `login` stays logged in from probe to probe, so that backends do not log each of "
     "them."},
    {"proxy", word<&Probe::proxy, proxy_headers>,
     "The version of the PROXY protocol whose header `tcp`, `banner` and `login` send before "
     "anything else."},
    {"interval", Time{at<&Probe::interval>, 1ms, time_max}, "From one probe to the next."},
    {"fast_interval", OptionalTime{at<&Probe::fast_interval>, 1ms, time_max, "interval"},
     "The same while a backend is between up and down: after a first failure, or a first success."},
    {"down_interval", OptionalTime{at<&Probe::down_interval>, 1ms, time_max, "interval"},
     "The same while a backend is down."},
    {"timeout", Time{at<&Probe::timeout>, 1ms, time_max}, "A probe that takes longer has failed."},
    {"rise", Number{at<&Probe::rise>, 1, 100},
     "Good probes in a row after which a backend that is down is up again."},
    {"fall", Number{at<&Probe::fall>, 1, 100}, "Failures in a row after which a backend is down."},
    {"jitter_percent", Number{at<&Probe::jitter_percent>, 0, 50},
     "How much of the interval is random, either way, so that probes do not march in step."},
});

constexpr auto backend_tls_settings = with_tls_parameters<BackendTls>(std::to_array<Setting>({
    {"mode", word<&BackendTls::mode, backend_tls_modes>,
     "`explicit` asks for TLS with AUTH TLS, `implicit` speaks it from the first byte (its usual "
     "port is 990), and `as-client` does AUTH TLS for clients that use TLS themselves and nothing "
     "for the others. Probes use TLS unless it is `off`."},
    {"ca", Text{at<&BackendTls::ca>, 0, path_bytes_max},
     "PEM file with the authorities that sign the backends' certificates. Empty is those that the "
     "system trusts."},
    {"verify", word<&BackendTls::verify, backend_verifies>,
     "`full` wants a certificate from the authorities and with the backend's name, `ca` one from "
     "the authorities with any name; `none` takes every certificate, and so everybody who gets in "
     "between."},
    {"data", word<&BackendTls::data, backend_data_tls_words>,
     "Whether data connections to the backend are protected: as the client's is, `always`, or "
     "`never` for servers that refuse `PROT P`. It holds where the control connection has TLS: "
     "with "
     "`mode = \"as-client\"` the data of a plain client is plain even under `always`. What a "
     "backend refuses, the client is refused with 522."},
    {"certificate", Text{at<&BackendTls::certificate>, 0, path_bytes_max},
     "PEM file with the certificate that backends are shown when they ask for one, then those in "
     "between, and its key unless `key` is given. Empty is none."},
    {"key", Text{at<&BackendTls::key>, 0, path_bytes_max},
     "PEM file with the key. Empty: the certificate's file holds it."},
    {"server_name", Text{at<&BackendTls::server_name>, 0, 253},
     "The name that the backend is asked for (SNI) and that its certificate must have. Empty is "
     "the host of `address`, or the domain that `srv` is of (`example.com`: RFC 6125); if that is "
     "an "
     "IP address, the certificate must have that."},
}));

constexpr auto backend_settings = std::to_array<Setting>({
    {"name", Name{at<&Backend::name>},
     "What logs and metrics call the backend. Different from the others of its pool.", true},
    {"address", HostPort{at<&Backend::host>, at<&Backend::port>},
     "Where the FTP server is; the port is 21 unless given. A host name is looked up, and every "
     "address that it has is a backend. Each backend has either this or `srv`."},
    {"srv", Formed{at<&Backend::srv>, &host_name},
     "Name of SRV records (RFC 2782), such as `_ftp._tcp.example.com`. It is looked up, and every "
     "address of every target is a backend, at the port of its record. Those of the lowest "
     "priority serve, the next lowest when none of them can, and so on."},
    {"weight", Number{at<&Backend::weight>, 1, 256},
     "Its share relative to the other backends of the pool. With `srv` it holds for each target "
     "instead of the weight of its record.",
     false, "to take the backend out, remove its table"},
    {"max_sessions", Number{at<&Backend::max_sessions>, 0, 1'000'000},
     "How many sessions it may have at once, with `srv` each target. 0 is no limit."},
    {"backup", Flag{at<&Backend::backup>}, "Chosen only when no other backend of the pool can be."},
    {"bandwidth", Size{at<&Backend::bandwidth>, 0, 1024 * 1024 * mib},
     "Bytes a second that all transfers of the backend move together, shared evenly. `0B` is no "
     "limit."},
    {"passive_ports", OptionalPorts{at<&Backend::passive_ports>},
     "The server's own passive ports, no other server's. Clients of `passthrough` listeners "
     "connect "
     "to the same ports of Ballast and are led to this server. Needs an IP address in `address`."},
});

constexpr std::array<string_view, 1> backend_tables = {"tls"};
constexpr std::array<string_view, 2> backend_alternatives = {"address", "srv"};

constexpr auto sections = std::to_array<Section>({
    {defaults<Pool>, "pool.NAME", "[pool.NAME]",
     "Backends that serve the same files. There is at least one; NAME is what listeners call it.",
     pool_settings, pool_tables, pool_alternatives},
    {defaults<Stick>, "pool.NAME.stick", "[pool.NAME.stick]",
     "Stickiness: clients come back to the backend that they had, whatever `balance` would choose.",
     stick_settings},
    {defaults<Queue>, "pool.NAME.queue", "[pool.NAME.queue]",
     "Where clients wait while every usable backend has its `max_sessions`, first come, first "
     "served. Often written in one line: `queue = { length = 50, timeout = \"10s\" }`.",
     queue_settings},
    {defaults<Observe>, "pool.NAME.observe", "[pool.NAME.observe]",
     "What live sessions see of the backends, besides the probes.", observe_settings},
    {defaults<Probe>, "pool.NAME.probe", "[pool.NAME.probe]",
     "The health question that is put to each backend of the pool. Often written in one line: "
     "`probe = { type = \"banner\", interval = \"5s\" }`.",
     probe_settings},
    {defaults<BackendTls>, "pool.NAME.tls", "[pool.NAME.tls]",
     "TLS towards the backends of the pool. A backend may set each of these keys for itself, and "
     "has "
     "the pool's for all others: `tls = { mode = \"off\" }` in `[[pool.NAME.backend]]`.",
     backend_tls_settings},
    {defaults<Backend>, "pool.NAME.backend", "[[pool.NAME.backend]]",
     "One FTP server. Write the table once for each; a "
     "pool has at least one, or a `backends_file`. Its `tls` has the keys "
     "of `[pool.NAME.tls]`.",
     backend_settings, backend_tables, backend_alternatives},
});

}  // namespace

std::span<const Section> pool_sections() { return sections; }

}  // namespace ballast::config
