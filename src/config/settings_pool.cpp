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

/// Padded with zeros. A text that is too long does not compile.
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
     "before further clients go to their next choice. 101 or more; 0 means without bound."},
    {"fallback", Name{at<&Pool::fallback>, true},
     "The pool that serves while this one has no usable backend. Empty means none."},
    {"slow_start", Time{at<&Pool::slow_start>, 0s, time_max},
     "How long a backend that came up again takes to reach its full share of sessions. `0s` means "
     "at once."},
    {"failover", word<&Pool::failover, failovers>,
     "What outlives a backend that is lost. `session`: sessions log in to another backend of the "
     "pool and go on there; a running transfer fails with 426. `transfer`: downloads also go on, "
     "from the byte where they stopped. `off`: sessions end with 421."},
    {"failover_timeout", Time{at<&Pool::failover_timeout>, 1ms, time_max},
     "How long a client is kept waiting, without a reply, until its session or download goes on. "
     "Then the session or the transfer fails as with `off`."},
    {"failover_samples", Size{at<&Pool::failover_samples>, 64 * kib, 1024 * mib},
     "How many bytes of a download lie between two samples that Ballast remembers. Another backend "
     "must send the same bytes as the last sample before the download goes on there."},
    {"failover_trust", Flag{at<&Pool::failover_trust>},
     "Whether a download may go on at a backend that cannot say the size or the time of the file "
     "(SIZE, MDTM). If false, a missing answer counts as a difference."},
    {"failover_rate", Rate{at<&Pool::failover_rate>, 0.1, 100'000},
     "How many moving sessions may log in to other backends of the pool per second. Sessions with "
     "a transfer or a command under way come first."},
    {"rebalance", Rate{at<&Pool::rebalance>, 0.01, 10'000, true},
     "How many idle sessions per second may move to a backend that has fewer than its share, "
     "because it came up again or is new. It needs `failover`, and a `balance` that goes by load. "
     "Sessions that stick to their backend do not move. `off` means none."},
    {"backends_file", Text{at<&Pool::backends_file>, 0, path_bytes_max},
     "File with more backends, in TOML: only `[[backend]]` tables, with the keys of "
     "`[[pool.NAME.backend]]`. It is read again when it has changed and then stayed the same for a "
     "second; a file with a problem changes nothing. Empty means none."},
    {"may_be_empty", Flag{at<&Pool::may_be_empty>},
     "Whether `backends_file` may contain no backend. If false, that is a problem: the file may be "
     "half written."},
    {"backend_user", UserNames{at<&Pool::backend_user>},
     "The name that backends get in USER instead of the client's; the password stays the client's. "
     "One name is for all users, such as `{user}@example.com`. In a table the pattern with the "
     "most characters besides `*` and `?` decides, and users who match no pattern keep their name. "
     "Everything else, such as limits, bans and stickiness, uses the client's name. `{}` changes "
     "no name."},
    {"send_proxy", word<&Pool::send_proxy, proxy_headers>,
     "The version of the PROXY protocol whose header, with the client's address, begins the "
     "control connection of each session to a backend. Version 2 also contains Ballast's session "
     "id and, for clients with TLS, the version, the cipher, the SNI name and the certificate's "
     "common name. Data connections never have a header."},
    {"source", Sources{at<&Pool::source>},
     "The source address of sessions' connections to the backends, control and data. `system`: the "
     "system's choice. `client`: the client's own address, so that backends log and limit real "
     "clients. It needs CAP_NET_ADMIN and routes, which `ballast check --rules` prints. Addresses: "
     "one of them for each session, in turn; each has some 28,000 ports to one backend."},
    {"data", word<&Pool::data, data_paths>,
     "The way of data connections. `relay`: through Ballast. `direct`: between client and backend, "
     "past Ballast, as with LVS direct routing. Clients must reach the backends, have PASV, PORT "
     "or EPRT, and no TLS."},
    {"backend_data", word<&Pool::backend_data, backend_data_modes>,
     "How data connections to the backends are made. `auto` uses EPSV, or PASV if EPSV is refused, "
     "whatever the client does; `epsv` and `pasv` use only that. With `port` and `eprt` the "
     "backend connects to one of `data_ports`. `as-client` passes the client's own command on at "
     "once, connects to the port that the backend names and answers with the backend's text; REST "
     "and ABOR are passed on too."},
    {"pipelining", Flag{at<&Pool::pipelining>},
     "Whether a backend may get several commands in one write, such as EPSV and RETR, which costs "
     "both sides less than one after the other. Ballast first finds out whether the backend reads "
     "them one by one. If false, it never gets more than one."},
    {"warm", Number{at<&Pool::warm>, 0, 1'000},
     "How many control connections to each backend are open, greeted and, if `tls.mode` says so, "
     "under TLS before a client comes, so that a login does not wait for that. Each worker has its "
     "part of them, at least one. They count for the backend's own limits, and are renewed after "
     "45 seconds, before its login timeout. 0 means none."},
    {"data_ports", OptionalPorts{at<&Pool::data_ports>},
     "The ports that backends connect to. `port`, `eprt` and `as-client` in `backend_data` need "
     "them. "
     "Several pools may share the same range. It must not contain a listener's ports, whether of "
     "`passive_ports` or of an address, and must not overlap another pool's in part."},
    {"trust_low_ports", Flag{at<&Pool::trust_low_ports>},
     "Whether data connections go to a port below 1024 if a backend's answer to PASV or EPSV names "
     "one. If false, such an answer is refused: well-known services listen there, not data ports."},
    {"trust_pasv_address", Flag{at<&Pool::trust_pasv_address>},
     "Whether data connections go to the address in a backend's answer to PASV. If false, they go "
     "to the backend's own address, whatever it answers."},
    {"data_peer", Peer{at<&Pool::data_peer>},
     "Who may connect to a data port. `exact`: only the backend's address. A network: also the "
     "addresses in it. `any`: everybody."},
    {"connect_timeout", Time{at<&Pool::connect_timeout>, 1ms, time_max},
     "How long a backend may take to accept a control or data connection; then the next backend is "
     "tried."},
    {"greeting_timeout", Time{at<&Pool::greeting_timeout>, 1ms, time_max},
     "How long a backend may take to send its 220 after accepting the connection; then the next "
     "backend is "
     "tried."},
    {"reply_timeout", Time{at<&Pool::reply_timeout>, 1ms, time_max},
     "How long a backend may take to answer a command, including USER and PASS, and for each "
     "further line of its "
     "answer. For verbs that may take long, `long_reply_timeout` applies instead."},
    {"long_reply_timeout", Time{at<&Pool::long_reply_timeout>, 1ms, time_max},
     "The same for verbs that may read whole files or directories: listings and transfers up to "
     "their 1xx, STAT, SIZE, SITE, DELE, RMD, RNTO, checksums (HASH, XCRC, XMD5, XSHA1 and the "
     "like), and verbs that Ballast does not know. `reply_timeout` applies if that is longer. "
     "Answers to other verbs may take this long for all their lines together."},
    {"reply_time_max", Time{at<&Pool::reply_time_max>, 1ms, time_max},
     "How long one reply of a backend may take from its first line to its last, however many lines "
     "come. A longer "
     "reply is cut off, and the session ends with `421`."},
    {"final_reply_timeout", Time{at<&Pool::final_reply_timeout>, 1ms, time_max},
     "How long a backend may take from the end of a transfer's data to its final reply. Servers "
     "that store or "
     "scan a file after receiving it need longer."},
    {"tcp_user_timeout", Time{at<&Pool::tcp_user_timeout>, 1ms, time_max},
     "How long data on a control connection to a backend may go unacknowledged, or a keep-alive "
     "unanswered, before the backend counts as gone."},
    {"resolve_interval", Time{at<&Pool::resolve_interval>, 1ms, time_max},
     "How often host names in `address` are looked up again."},
    {"reply_line_bytes_max", Size{at<&Pool::reply_line_bytes_max>, 512, 1 * mib},
     "The longest line of a backend's reply."},
    {"reply_bytes_max", Size{at<&Pool::reply_bytes_max>, 512, 16 * mib},
     "The longest reply of a backend, all lines together. Not less than `reply_line_bytes_max`. "
     "Replies to the verbs of `long_reply_timeout`, except transfers, are passed on line by line "
     "as they arrive, and may be longer."},
});
constexpr std::array<string_view, 6> pool_tables = {"stick", "queue", "observe",
                                                    "probe", "tls",   "backend"};
constexpr std::array<string_view, 2> pool_alternatives = {"backend", "backends_file"};

constexpr auto stick_settings = std::to_array<Setting>({
    {"by", word<&Stick::by, stick_bys>,
     "What identifies a client: `network` is the client's address, up to the prefixes below, and "
     "`user` the user's name. `none` turns stickiness off."},
    {"timeout", Time{at<&Stick::timeout>, 1ms, 168h},
     "How long a client's backend is remembered after the last of its sessions began or ended."},
    {"ipv4_prefix", Number{at<&Stick::ipv4_prefix>, 0, 32},
     "Bits of an IPv4 address that count. With 24 the 256 addresses of 192.0.2.0/24 are one "
     "client."},
    {"ipv6_prefix", Number{at<&Stick::ipv6_prefix>, 0, 128},
     "Bits of an IPv6 address that count. 64 is the network of one site, whose machines change "
     "their addresses."},
    {"entries_max", Number{at<&Stick::entries_max>, 1, 10'000'000},
     "How many clients are remembered. Beyond that, the client that was away longest is "
     "forgotten."},
    {"otherwise", word<&Stick::otherwise, stick_otherwises>,
     "When the client's backend is down or full: `choose` chooses another, to which the "
     "client then sticks; `refuse` refuses the session."},
});

constexpr auto queue_settings = std::to_array<Setting>({
    {"length", Number{at<&Queue::length>, 0, 1'000'000},
     "How many clients may wait at once; further ones are refused at once. 0 means none."},
    {"timeout", Time{at<&Queue::timeout>, 1ms, time_max},
     "How long a client waits before it is refused with 421."},
});

constexpr auto observe_settings = std::to_array<Setting>({
    {"failures", Number{at<&Observe::failures>, 0, 1000},
     "How many live sessions in a row must fail to connect, or get a bad greeting, before a "
     "backend is ejected: it gets no sessions for a while. 0 means never."},
    {"ejection_time", Time{at<&Observe::ejection_time>, 1ms, time_max},
     "How long the first ejection lasts. The time grows each time that the backend fails again."},
    {"panic_threshold", Number{at<&Observe::panic_threshold>, 0, 100},
     "Percentage of the pool's backends that always stay usable: no backend is "
     "ejected if fewer would remain."},
});

constexpr auto probe_settings = std::to_array<Setting>({
    {"type", word<&Probe::type, probe_types>,
     "`tcp` connects; `banner` also reads the greeting and begins TLS if the pool's `tls` says so, "
     "as far as possible without an account; `login` also logs in; `script` runs a program of "
     "yours; `none` relies on live sessions."},
    {"user", Text{at<&Probe::user>, 0, 256}, "The user that logs in. `login` needs it."},
    {"password_file", Text{at<&Probe::password_file>, 0, path_bytes_max},
     "File whose first line is the password. `login` needs it."},
    {"pwd", Flag{at<&Probe::pwd>}, "Whether `login` sends PWD after the login."},
    {"list", Text{at<&Probe::list>, 0, path_bytes_max},
     "Directory that `login` lists over a data connection. Empty means none."},
    {"canary", Text{at<&Probe::canary>, 0, path_bytes_max},
     "File that `login` reads completely over a data connection. If its size or time differs "
     "between backends, that is logged. Empty means none."},
    {"canary_sha256", Formed{at<&Probe::canary_sha256>, &sha256},
     "The SHA-256 of the canary's expected content. Empty means any content."},
    {"canary_bytes_max", Size{at<&Probe::canary_bytes_max>, 1, 1024 * mib},
     "The probe fails if the canary is larger."},
    {"script", Text{at<&Probe::script>, 0, path_bytes_max},
     "Program that `type = \"script\"` runs with two arguments, the backend's address and port. "
     "Its environment contains only `PATH`, `BALLAST_POOL` and `BALLAST_BACKEND` (their names), "
     "`BALLAST_ADDRESS` (such as `10.0.0.11:2121`), `BALLAST_PORT`, `BALLAST_STATE` (`up`, `down` "
     "or "
     "`unknown`) and `BALLAST_TIMEOUT_MS`. Exit status 0 passes; otherwise the first line that it "
     "prints is the reason. At `timeout` its process group is killed."},
    {"quiet", Flag{at<&Probe::quiet>},
     "Whether `login` stays logged in from probe to probe, so that backends do not log each "
     "probe."},
    {"proxy", word<&Probe::proxy, proxy_headers>,
     "The version of the PROXY protocol whose header `tcp`, `banner` and `login` send before "
     "anything else."},
    {"interval", Time{at<&Probe::interval>, 1ms, time_max}, "Time from one probe to the next."},
    {"fast_interval", OptionalTime{at<&Probe::fast_interval>, 1ms, time_max, "interval"},
     "The same while a backend is between up and down: after a first failure, or a first success."},
    {"down_interval", OptionalTime{at<&Probe::down_interval>, 1ms, time_max, "interval"},
     "The same while a backend is down."},
    {"timeout", Time{at<&Probe::timeout>, 1ms, time_max}, "A probe that takes longer fails."},
    {"rise", Number{at<&Probe::rise>, 1, 100},
     "How many probes in a row must pass before a backend that is down counts as up."},
    {"fall", Number{at<&Probe::fall>, 1, 100},
     "How many probes in a row must fail before a backend counts as down."},
    {"jitter_percent", Number{at<&Probe::jitter_percent>, 0, 50},
     "How much of the interval is random, either way, so that the probes of many backends do not "
     "all come at once."},
});

constexpr auto backend_tls_settings = with_tls_parameters<BackendTls>(std::to_array<Setting>({
    {"mode", word<&BackendTls::mode, backend_tls_modes>,
     "`explicit` begins TLS with AUTH TLS, `implicit` speaks it from the first byte (the usual "
     "port is 990), and `as-client` uses AUTH TLS only for clients that use TLS themselves. Probes "
     "use TLS unless it is `off`."},
    {"ca", Text{at<&BackendTls::ca>, 0, path_bytes_max},
     "PEM file with the authorities that sign the backends' certificates. Empty means the "
     "authorities that the system trusts."},
    {"verify", word<&BackendTls::verify, backend_verifies>,
     "`full` requires a certificate from the authorities with the backend's name, `ca` one from "
     "the authorities with any name. `none` accepts every certificate, so anyone in between can "
     "pose as the backend."},
    {"data", word<&BackendTls::data, backend_data_tls_words>,
     "Whether data connections to the backend are protected: like the client's (`as-client`), "
     "`always`, or `never` for servers that refuse `PROT P`. It applies only if the control "
     "connection has TLS: with `mode = \"as-client\"` the data of a client without TLS are plain "
     "even with `always`. If a backend refuses protection, the client gets 522."},
    {"certificate", Text{at<&BackendTls::certificate>, 0, path_bytes_max},
     "PEM file with the certificate for backends that ask for one, then intermediate certificates, "
     "and the key unless `key` is given. Empty means none."},
    {"key", Text{at<&BackendTls::key>, 0, path_bytes_max},
     "PEM file with the key. Empty means that the certificate's file contains it."},
    {"server_name", Text{at<&BackendTls::server_name>, 0, 253},
     "The name to ask the backend for (SNI), which its certificate must have. Empty means the host "
     "of "
     "`address`, or the domain of `srv` (`example.com`: RFC 6125); if that is an IP address, the "
     "certificate must have this address."},
}));

constexpr auto backend_settings = std::to_array<Setting>({
    {"name", Name{at<&Backend::name>},
     "The backend's name in logs and metrics. Unique in its pool.", true},
    {"address", HostPort{at<&Backend::host>, at<&Backend::port>},
     "Where the FTP server is; the port is 21 unless given. A host name is looked up, and every "
     "address that it has is a backend. Each backend has either this or `srv`."},
    {"srv", Formed{at<&Backend::srv>, &host_name},
     "Name of SRV records (RFC 2782), such as `_ftp._tcp.example.com`. It is looked up, and every "
     "address of every target is a backend, at the port of its record. Those of the lowest "
     "priority serve, the next lowest when none of them can, and so on."},
    {"weight", Number{at<&Backend::weight>, 0, 256},
     "Its share relative to the other backends of the pool. 0 means no new sessions, except from "
     "clients that stick to the backend; sessions that are there go on. With `srv` it applies to "
     "each target instead of the weight of its record."},
    {"max_sessions", Number{at<&Backend::max_sessions>, 0, 1'000'000},
     "Concurrent sessions of the backend, from all nodes of a cluster that share a store; with "
     "`srv` of each target. 0 means no limit."},
    {"backup", Flag{at<&Backend::backup>},
     "Whether the backend is chosen only when no other backend of the pool is usable."},
    {"bandwidth", Size{at<&Backend::bandwidth>, 0, 1024 * 1024 * mib},
     "Combined bandwidth of the backend's transfers, in bytes per second, shared evenly. `0B` "
     "means no limit."},
    {"data_address", Formed{at<&Backend::data_address>, &ipv4_address},
     "With `data = \"direct\"`: the address that clients get in the reply to PASV. Empty means the "
     "one that the backend says."},
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
     "Stickiness: clients return to the backend that they had before, whatever `balance` would "
     "choose.",
     stick_settings},
    {defaults<Queue>, "pool.NAME.queue", "[pool.NAME.queue]",
     "Where clients wait while every usable backend has its `max_sessions`, first come, first "
     "served. Often written in one line: `queue = { length = 50, timeout = \"10s\" }`.",
     queue_settings},
    {defaults<Observe>, "pool.NAME.observe", "[pool.NAME.observe]",
     "How the results of live sessions eject backends, in addition to probes.", observe_settings},
    {defaults<Probe>, "pool.NAME.probe", "[pool.NAME.probe]",
     "The health check of each backend of the pool. Often written in one line: `probe = { type = "
     "\"banner\", interval = \"5s\" }`.",
     probe_settings},
    {defaults<BackendTls>, "pool.NAME.tls", "[pool.NAME.tls]",
     "TLS towards the backends of the pool. A backend may set each of these keys itself, and "
     "inherits the others from the pool: `tls = { mode = \"off\" }` in `[[pool.NAME.backend]]`.",
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
