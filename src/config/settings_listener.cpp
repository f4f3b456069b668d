// SPDX-License-Identifier: Apache-2.0
#include "config/limits.h"
#include "config/settings.h"
#include "config/tls_settings.h"
#include "config/words.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr std::size_t pattern_bytes_max = 1024;
constexpr std::size_t verb_bytes_max = 32;

constexpr auto listener_settings = std::to_array<Setting>({
    {"bind", Addresses{at<&Listener::bind>},
     "The addresses that clients connect to. `0.0.0.0` means every IPv4 address and `[::]` every "
     "IPv6 address; "
     "both may be used together. Port 0 lets the system choose one. At least one address, unless "
     "an `implicit_bind` has one."},
    {"mode", word<&Listener::mode, listener_modes>,
     "`terminate`: Ballast speaks FTP with clients, and TLS where there is a `tls` table. "
     "`passthrough`: clients send AUTH TLS or connect to `implicit_bind`, and their TLS ends at a "
     "backend, which holds the keys and has `passive_ports`."},
    {"plain", Flag{at<&Listener::plain>},
     "Whether a `passthrough` listener serves clients without TLS, like `terminate`. If false, "
     "they are refused with 534."},
    {"implicit_bind", Addresses{at<&Listener::implicit_bind>},
     "The addresses for clients of a `passthrough` listener that speak TLS from the first byte; "
     "the "
     "usual port is 990. They are passed through to pools with `mode = \"implicit\"` in `tls`."},
    {"free_bind", Flag{at<&Listener::free_bind>},
     "Whether the addresses of the listener, those of its `tls` table and its passive ports are "
     "bound even while this machine does not have them, such as an address that keepalived moves "
     "to a standby. If false, an address that is not local is a problem."},
    {"pool", Name{at<&Listener::pool>, true},
     "The pool for sessions that match no route. Empty means none: then there must be routes, and "
     "other sessions are refused with 530."},
    {"user_at_pool", Flag{at<&Listener::user_at_pool>},
     "Whether a user may name the pool: `alice@sales` is alice in the pool `sales`, if a route or "
     "`pool` of this listener leads alice there, and is refused otherwise. A name behind the @ "
     "that is not a pool of this listener stays part of the user's name."},
    {"user_at_host", Flag{at<&Listener::user_at_host>},
     "Whether a user may name the host, for clients without HOST (RFC 7151): "
     "`alice%ftp.example.com` means alice after `HOST ftp.example.com`."},
    {"allow_from", Networks{at<&Listener::allow_from>},
     "The networks that clients may come from. Others are answered with 421, or not at all if TLS "
     "comes first. Empty means all networks."},
    {"deny_from", Networks{at<&Listener::deny_from>},
     "The networks that clients may not come from, even if `allow_from` contains them."},
    {"allow_commands", Texts{at<&Listener::allow_commands>, 1, verb_bytes_max},
     "The only commands that clients may use, besides those that begin and end sessions and set up "
     "data connections. Others are answered with 502. Empty means all."},
    {"deny_commands", Texts{at<&Listener::deny_commands>, 1, verb_bytes_max},
     "Commands that clients may not use, such as `SITE`. They are answered with 502."},
    {"allow_arguments", Texts{at<&Listener::allow_arguments>, 1, pattern_bytes_max},
     "A command and a pattern for its argument, such as `SITE CHMOD *`. A command that is listed "
     "here needs an argument that matches one of its patterns; others are answered with 550. In "
     "patterns `*` matches any text and `?` any character, and case does not matter."},
    {"deny_arguments", Texts{at<&Listener::deny_arguments>, 1, pattern_bytes_max},
     "Arguments that a command may not have, such as `STOR *.exe`. They are answered with 550."},
    {"read_only", Flag{at<&Listener::read_only>},
     "Whether every command that may change something is refused with 550, including commands that "
     "Ballast does not know."},
    {"anonymous", Flag{at<&Listener::anonymous>},
     "Whether the users `anonymous` and `ftp` may log in, if a backend lets them. If false, they "
     "are answered with 530."},
    {"proxy_from", Networks{at<&Listener::proxy_from>},
     "The networks of proxies in front of Ballast. A control connection from one of their "
     "addresses must begin with a header of the PROXY protocol, version 1 or 2, which names the "
     "client. Headers from anyone else are not read."},
    {"proxy_data", Flag{at<&Listener::proxy_data>},
     "Whether data connections of those proxies begin with such a header too."},
    {"proxy_timeout", Time{at<&Listener::proxy_timeout>, 1ms, time_max},
     "How long a proxy may take to send the complete header."},
    {"max_sessions", Number{at<&Listener::max_sessions>, 0, 1'000'000},
     "Concurrent sessions of this listener. 0 means no limit besides that of `[limits]`."},
    {"login_attempts", Number{at<&Listener::login_attempts>, 1, 1'000'000},
     "How many USER commands one session may send without logging in. The next one ends it with "
     "421."},
    {"command_rate", Number{at<&Listener::command_rate>, 0, 1'000'000},
     "Commands per second of one session. Further ones wait. 0 means no limit."},
    {"bandwidth", Size{at<&Listener::bandwidth>, 0, 1024 * 1024 * mib},
     "Combined bandwidth of the listener's transfers, in bytes per second, shared evenly. `0B` "
     "means no limit."},
    {"session_bandwidth", Size{at<&Listener::session_bandwidth>, 0, 1024 * 1024 * mib},
     "Bandwidth of one session's transfer, in bytes per second. `0B` means no limit."},
    {"passive_ports", Ports{at<&Listener::passive_ports>},
     "The ports for clients' passive data connections. Several listeners may share the same range, "
     "but "
     "ranges must not overlap in part. One port serves many clients at once."},
    {"data_path", word<&Listener::data_path, carriers>,
     "Who carries the data of transfers. `relay`: Ballast. `kernel`: the kernel of this machine, "
     "which forwards the data connection between client and backend with both addresses "
     "translated, for each transfer that is plain on both sides and needs nothing of Ballast on "
     "the way; all others are relayed. It needs nftables, connection tracking, IP forwarding and "
     "CAP_NET_ADMIN; without them Ballast does not start. `auto`: like `kernel` where this machine "
     "has all that, and otherwise like `relay`, with a warning. See [The kernel "
     "path](kernel-path.md)."},
    {"data_peer", Peer{at<&Listener::data_peer>},
     "Who may connect to a passive port. `exact`: only the address of the control connection. A "
     "network: also the addresses in it. `any`: everybody. Anyone who may connect could take "
     "the place of a client, unless TLS proves that both connections belong to the same client."},
    {"allow_fxp", Flag{at<&Listener::allow_fxp>},
     "Whether PORT and EPRT may name another address than the client's, as transfers between "
     "servers (FXP) need. Clients can then make Ballast connect to any machine that it can reach."},
    {"public_address", Announced{at<&Listener::public_address>},
     "The address that PASV announces, for example that of a NAT in front of Ballast. `local` is "
     "the address that the client connected to. A host name is looked up at start and again every "
     "`resolve_interval`; until it has an IPv4 address, PASV is answered with 425. In a table the "
     "smallest network that contains the client decides, and `default` applies to all others."},
    {"resolve_interval", Time{at<&Listener::resolve_interval>, 1ms, time_max},
     "How often a host name in `public_address` is looked up again."},
    {"active_address", word<&Listener::active_address, active_addresses>,
     "Where an active data connection goes if PORT or EPRT names a private address and the client "
     "comes from a public one, as behind a NAT. `named`: to the named address, which `data_peer` "
     "or `allow_fxp` must allow. `control`: to the address that the control connection comes "
     "from."},
    {"active_source_port", SourcePort{at<&Listener::active_source_port>},
     "Source port of active data connections to clients. `below-control` is the listener's port "
     "minus one, as in RFC 959: 20 for 21. Ports below 1024 need the right to bind them."},
    {"greeting", Text{at<&Listener::greeting>, 1, 500},
     "The text of the 220 that greets a client. `backend` is the whole greeting of a backend: the "
     "first surveyed one of `pool`, or else of the routes' pools. Clients do not wait for it, and "
     "see \"FTP server ready.\" until there is one."},
    {"system", Text{at<&Listener::system>, 1, 500},
     "The answer to SYST before login; afterwards the backend answers."},
    {"login_timeout", Time{at<&Listener::login_timeout>, 1ms, time_max},
     "How long a client may take from connecting to a successful login."},
    {"client_hello_timeout", Time{at<&Listener::client_hello_timeout>, 1ms, time_max},
     "With `passthrough`: how long a client may take to send its whole ClientHello, after the "
     "answer to AUTH or the connection to `implicit_bind`."},
    {"idle_timeout", Time{at<&Listener::idle_timeout>, 1ms, time_max},
     "How long a client may wait between two commands. A running transfer does not count as idle."},
    {"write_timeout", Time{at<&Listener::write_timeout>, 1ms, time_max},
     "How long a client may take to read a reply."},
    {"data_connect_timeout", Time{at<&Listener::data_connect_timeout>, 1ms, time_max},
     "How long a data connection may take to be established, in either data mode."},
    {"data_stall_timeout", Time{at<&Listener::data_stall_timeout>, 1ms, time_max},
     "A transfer that moves less than `data_stall_bytes` in this time is reset."},
    {"data_stall_bytes", Size{at<&Listener::data_stall_bytes>, 1, 1024 * mib},
     "How much a transfer must move in `data_stall_timeout`, so that a client that moves a byte "
     "per "
     "minute cannot hold resources."},
    {"upload_end_grace", Time{at<&Listener::upload_end_grace>, 0ms, 1s},
     "The end of an upload looks the same whether its client finished or was killed. But a killed "
     "client's control connection ends too, shortly before or after. So the end of an upload is "
     "held back from the backend for this time, or for three round trips of the control connection "
     "(at most a second) if that is longer. Each upload takes this much longer; `0s` holds nothing "
     "back. A control connection that ends even later goes unnoticed: only TLS can tell for "
     "certain."},
    {"begin_reply_delay", Time{at<&Listener::begin_reply_delay>, 0ms, 100ms},
     "How long the 150 of a download in plain text may wait for the 226. A download that is over "
     "by "
     "then is told in one packet, and its bytes and their end go in another: a small file costs "
     "client and balancer less, see \"Many small downloads\" in the operating manual. A client "
     "that "
     "takes what it receives at once for one reply would wait for the 226 forever, so `0s`, the "
     "default, sends the 150 at once. `1ms` is enough."},
    {"command_bytes_max", Size{at<&Listener::command_bytes_max>, 512, 1 * mib},
     "The longest command line of a client; a longer one is answered with 500."},
    {"login_bytes_max", Size{at<&Listener::login_bytes_max>, 64, 1 * mib},
     "The longest USER, PASS, ACCT or HOST line of a client, without its line end; a longer one is "
     "answered with 501 and not sent to a backend."},
    {"pipelined_bytes_max", Size{at<&Listener::pipelined_bytes_max>, 512, 16 * mib},
     "How much a client may send ahead while a command is processed. Not less than "
     "`command_bytes_max`."},
});

constexpr std::array<string_view, 2> listener_tables = {"tls", "route"};
constexpr std::array<string_view, 2> listener_alternatives = {"pool", "route"};

constexpr auto listener_tls_settings = with_tls_parameters<ListenerTls>(std::to_array<Setting>({
    {"certificate", Texts{at<&ListenerTls::certificate>, 1, path_bytes_max},
     "PEM files, each with the server's certificate, then intermediate certificates, and the key "
     "unless `key` is given. Clients that ask for a name (SNI) get the certificates with that "
     "name, all others the first one; ECDSA and RSA may be used together. A file that changes is "
     "read again, for later connections.",
     true},
    {"key", Texts{at<&ListenerTls::key>, 1, path_bytes_max},
     "PEM files with the keys, one for each certificate and in the same order. Empty means that "
     "each certificate's file contains its key."},
    {"ocsp", Texts{at<&ListenerTls::ocsp>, 1, path_bytes_max},
     "Files with the OCSP responses (DER) to staple, one for each certificate and in the same "
     "order. Empty means none."},
    {"explicit", Flag{at<&ListenerTls::explicit_tls>},
     "Whether clients of `bind` may switch to TLS with AUTH TLS."},
    {"implicit_bind", Addresses{at<&ListenerTls::implicit_bind>},
     "The addresses for clients that speak TLS from the first byte; the usual port is 990."},
    {"require", word<&ListenerTls::require, tls_requires>,
     "`login` refuses USER without TLS, with 530; `login-and-data` refuses transfers without "
     "`PROT P` as well, with 521."},
    {"session_reuse", word<&ListenerTls::session_reuse, session_reuses>,
     "Whether a data connection resumes the TLS session of its control connection, which proves "
     "that both belong to the same client. `required` refuses other data connections with 522; "
     "`preferred` allows it; `off` makes every handshake a full one."},
    {"strict_close", Flag{at<&ListenerTls::strict_close>},
     "An upload, or a backend's download, that ends without TLS's close_notify may have been cut "
     "off by anybody on the way. If true, the transfer fails with 426. If false, it is accepted "
     "and counted, because some clients never send one."},
    {"ccc", Flag{at<&ListenerTls::ccc>},
     "Whether CCC may switch the control connection back to plain text after the login, so that a "
     "firewall can follow it. If false, CCC is answered with 534."},
    {"client_ca", Text{at<&ListenerTls::client_ca>, 0, path_bytes_max},
     "PEM file with the authorities that sign the certificates of clients."},
    {"client_certificate", word<&ListenerTls::client_certificate, client_certificates>,
     "Whether clients are asked for a certificate. `request` also accepts clients without one, "
     "`require` does not. Both refuse a certificate that `client_ca` has not signed."},
    {"ticket_keys", Text{at<&ListenerTls::ticket_keys>, 0, path_bytes_max},
     "File with the keys of session tickets, for several balancers to share: one key per line, 80 "
     "random bytes in base64. The first key makes tickets, all are accepted, and a file that "
     "changes is read again. Empty means that keys are generated and rotated automatically."},
    {"ticket_key_lifetime", Time{at<&ListenerTls::ticket_key_lifetime>, 1s, 168h},
     "How long a generated key makes tickets. Its tickets are accepted for as long again "
     "afterwards."},
}));

constexpr auto route_settings = std::to_array<Setting>({
    {"pool", Name{at<&Route::pool>, true},
     "The pool for sessions that match. Each route has either this or `reject`."},
    {"reject", Formed{at<&Route::reject>, &negative_reply},
     "The reply that refuses sessions that match, such as `530 Not from here.` Empty means none."},
    {"counts_as_failure", Flag{at<&Route::counts_as_failure>},
     "Whether a session that `reject` refuses counts toward a ban (`[limits]`), like a wrong "
     "password. For names that only guessers use."},
});
constexpr std::array<string_view, 1> route_tables = {"match"};
constexpr std::array<string_view, 2> route_alternatives = {"pool", "reject"};

constexpr auto route_match_settings = std::to_array<Setting>({
    {"user", Texts{at<&RouteMatch::user>, 1, pattern_bytes_max}, "Patterns for the user's name."},
    {"network", Networks{at<&RouteMatch::network>}, "Networks of the client."},
    {"host", Texts{at<&RouteMatch::host>, 1, pattern_bytes_max},
     "Patterns for the name that the client gave with HOST (RFC 7151), or in its user name if "
     "`user_at_host` allows it. Case does not matter."},
    {"sni", Texts{at<&RouteMatch::sni>, 1, pattern_bytes_max},
     "Patterns for the name that the client asked for in its TLS handshake (SNI). Case does not "
     "matter. Needs `[listener.NAME.tls]`, or `mode = \"passthrough\"`."},
    {"certificate", Texts{at<&RouteMatch::certificate>, 1, pattern_bytes_max},
     "Patterns for the subject of the client's certificate in the form of RFC 2253: "
     "`CN=alice,O=Example`. Needs `client_certificate` in `[listener.NAME.tls]`."},
});

constexpr auto sections = std::to_array<Section>({
    {defaults<Listener>, "listener.NAME", "[listener.NAME]",
     "An address that clients connect to. There is at least one; NAME is yours to choose.",
     listener_settings, listener_tables, listener_alternatives},
    {defaults<ListenerTls>, "listener.NAME.tls", "[listener.NAME.tls]",
     "TLS towards clients (FTPS, RFC 4217). Without this table the listener has none.",
     listener_tls_settings},
    {defaults<Route>, "listener.NAME.route", "[[listener.NAME.route]]",
     "Where certain sessions go. Write the table once for each route. The first match in the order "
     "of the file decides; without a match the listener's `pool` does.",
     route_settings, route_tables, route_alternatives},
    {defaults<RouteMatch>, "listener.NAME.route.match", "[listener.NAME.route.match]",
     "The conditions of a route; often written in one line, `match = { user = \"sales-*\", network "
     "= \"10.0.0.0/8\" }`. All keys must match; of several values of one key, one must match. In "
     "patterns `*` matches any text and `?` any character. A route without `match` takes every "
     "session.",
     route_match_settings},
});

}  // namespace

std::span<const Section> listener_sections() { return sections; }

}  // namespace ballast::config
