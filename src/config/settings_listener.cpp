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
     "Where clients connect to. `0.0.0.0` is every IPv4 address and `[::]` every IPv6 address; "
     "they may stand side by side. Port 0 lets the system choose one. At least one address, unless "
     "an `implicit_bind` has one."},
    {"mode", word<&Listener::mode, listener_modes>,
     "`terminate`: Ballast speaks FTP with clients, and TLS where there is a `tls` table. "
     "`passthrough`: clients say AUTH TLS, or come to `implicit_bind`, and their TLS ends at a "
     "backend, which holds the keys and has `passive_ports`."},
    {"plain", Flag{at<&Listener::plain>},
     "Whether a `passthrough` listener serves clients without TLS, as `terminate` does; if false "
     "they are refused with 534."},
    {"implicit_bind", Addresses{at<&Listener::implicit_bind>},
     "Where clients of a `passthrough` listener connect to that speak TLS from the first byte; its "
     "usual port is 990. They are let through to pools with `mode = \"implicit\"` in `tls`."},
    {"free_bind", Flag{at<&Listener::free_bind>},
     "Whether the addresses of the listener, those of its `tls` table and its passive ports are "
     "bound even while this machine does not have them, such as the one that keepalived brings to "
     "a "
     "standby. If false an address that is not local is a problem."},
    {"pool", Name{at<&Listener::pool>, true},
     "The pool of the sessions that no route takes. Empty is none: then there are routes, and "
     "those sessions are refused with 530."},
    {"user_at_pool", Flag{at<&Listener::user_at_pool>},
     "Whether a user may name the pool: `alice@sales` is alice of the pool `sales`, if a route or "
     "`pool` of this listener leads alice there, and is refused otherwise. A name behind the @ "
     "that is no pool of this listener stays part of the user's name."},
    {"user_at_host", Flag{at<&Listener::user_at_host>},
     "Whether a user may name the host, for clients without HOST (RFC 7151): "
     "`alice%ftp.example.com` is alice after `HOST ftp.example.com`."},
    {"allow_from", Networks{at<&Listener::allow_from>},
     "The networks that clients may come from. Others are answered 421, or nothing where TLS comes "
     "first. Empty is everywhere."},
    {"deny_from", Networks{at<&Listener::deny_from>},
     "The networks that clients may not come from, also where `allow_from` holds them."},
    {"allow_commands", Texts{at<&Listener::allow_commands>, 1, verb_bytes_max},
     "The only commands that clients may give, beside those that begin and end sessions and set up "
     "data connections. Others are answered 502. Empty is all."},
    {"deny_commands", Texts{at<&Listener::deny_commands>, 1, verb_bytes_max},
     "Commands that clients may not give, such as `SITE`: 502."},
    {"allow_arguments", Texts{at<&Listener::allow_arguments>, 1, pattern_bytes_max},
     "A command and a pattern for its argument, such as `SITE CHMOD *`. A command that is named "
     "here needs an argument that matches one of its patterns; others are answered 550. In "
     "patterns `*` stands for any text and `?` for any character, and upper and lower case are "
     "the same."},
    {"deny_arguments", Texts{at<&Listener::deny_arguments>, 1, pattern_bytes_max},
     "The same for arguments that a command may not have, such as `STOR *.exe`: 550."},
    {"read_only", Flag{at<&Listener::read_only>},
     "Whether every command that may change something is refused, with 550; commands that Ballast "
     "does not know are among them."},
    {"anonymous", Flag{at<&Listener::anonymous>},
     "Whether the users `anonymous` and `ftp` may log in, if a backend lets them. If false they "
     "are "
     "answered 530."},
    {"proxy_from", Networks{at<&Listener::proxy_from>},
     "The networks of the proxies in front. A control connection from one of their addresses has "
     "to begin with a header of the PROXY protocol, version 1 or 2, and the client is who the "
     "header names. Nobody else's header is read."},
    {"proxy_data", Flag{at<&Listener::proxy_data>},
     "Whether data connections of those proxies begin with such a header as well."},
    {"proxy_timeout", Time{at<&Listener::proxy_timeout>, 1ms, time_max},
     "From the connection to the whole header."},
    {"max_sessions", Number{at<&Listener::max_sessions>, 0, 1'000'000},
     "Sessions at once of this listener. 0 is no limit but that of `[limits]`."},
    {"login_attempts", Number{at<&Listener::login_attempts>, 1, 1'000'000},
     "How often one session may say USER without logging in: one more ends it with 421."},
    {"command_rate", Number{at<&Listener::command_rate>, 0, 1'000'000},
     "Commands a second of one session; those beyond wait. 0 is no limit."},
    {"bandwidth", Size{at<&Listener::bandwidth>, 0, 1024 * 1024 * mib},
     "Bytes a second that all transfers of the listener move together, shared evenly. `0B` is no "
     "limit."},
    {"session_bandwidth", Size{at<&Listener::session_bandwidth>, 0, 1024 * 1024 * mib},
     "Bytes a second that the transfer of one session moves. `0B` is no limit."},
    {"passive_ports", Ports{at<&Listener::passive_ports>},
     "Where clients open passive data connections. Several listeners may share one identical "
     "range, but ranges must not overlap in part. One port serves many clients at once."},
    {"data_peer", Peer{at<&Listener::data_peer>},
     "Who may connect to a passive port: with `exact` only the address of the control connection, "
     "with a network its addresses as well, with `any` everybody. Whoever may connect may take the "
     "place of a client, unless TLS proves that both connections are the same client's."},
    {"allow_fxp", Flag{at<&Listener::allow_fxp>},
     "Whether PORT and EPRT may name another address than the client's, which transfers from "
     "server to server (FXP) need. Clients can then have Ballast connect to any machine that it "
     "reaches."},
    {"public_address", Announced{at<&Listener::public_address>},
     "The address that PASV announces, for example that of the NAT in front. `local` is the "
     "address that the client connected to. A host name is looked up now and again every "
     "`resolve_interval`; until it has an IPv4 address, PASV is answered 425. In a table the "
     "smallest network that holds the client decides, and `default` holds for all others."},
    {"resolve_interval", Time{at<&Listener::resolve_interval>, 1ms, time_max},
     "How often a host name in `public_address` is looked up again."},
    {"active_address", word<&Listener::active_address, active_addresses>,
     "Where an active data connection goes if PORT or EPRT names a private address and the client "
     "comes from a public one, as happens behind a NAT. `named`: there, which `data_peer` or "
     "`allow_fxp` must allow. `control`: to the address that the control connection comes from."},
    {"active_source_port", SourcePort{at<&Listener::active_source_port>},
     "Source port of active data connections to clients. `below-control` is the listener's port "
     "less one, as RFC 959 has it: 20 for 21. Ports below 1024 need the right to bind them."},
    {"greeting", Text{at<&Listener::greeting>, 1, 500},
     "The text of the 220 that welcomes a client. `backend` is the whole greeting of a backend: of "
     "the first one of `pool`, or else of the pools of the routes, that has been surveyed. Clients "
     "do not wait for it, and see \"FTP server ready.\" as long as there is none."},
    {"system", Text{at<&Listener::system>, 1, 500},
     "What SYST is answered before log-in; after it the backend answers."},
    {"login_timeout", Time{at<&Listener::login_timeout>, 1ms, time_max},
     "From the connection to the successful login."},
    {"client_hello_timeout", Time{at<&Listener::client_hello_timeout>, 1ms, time_max},
     "With `passthrough`: from the answer to AUTH, or the connection to `implicit_bind`, to the "
     "client's whole ClientHello."},
    {"idle_timeout", Time{at<&Listener::idle_timeout>, 1ms, time_max},
     "Between two commands of a client. A running transfer does not count as idle."},
    {"write_timeout", Time{at<&Listener::write_timeout>, 1ms, time_max},
     "For a client to take a reply."},
    {"data_connect_timeout", Time{at<&Listener::data_connect_timeout>, 1ms, time_max},
     "For a data connection to come about, in either data mode."},
    {"data_stall_timeout", Time{at<&Listener::data_stall_timeout>, 1ms, time_max},
     "A transfer that moves less than `data_stall_bytes` in this time is reset."},
    {"data_stall_bytes", Size{at<&Listener::data_stall_bytes>, 1, 1024 * mib},
     "What a transfer has to move in `data_stall_timeout`: who sends, or takes, a byte a minute "
     "holds nothing for longer."},
    {"upload_end_grace", Time{at<&Listener::upload_end_grace>, 0ms, 1s},
     "An upload ends alike whether its client has finished or was killed; but a killed client's "
     "control connection ends too, a moment before or after. The end of an upload is held back "
     "from the backend for this time, or for three round trips of the control connection, at most "
     "a second, where that is longer. It is added to the time of each upload; `0s` holds nothing "
     "back. A control connection that ends still later goes unnoticed: only TLS tells for "
     "certain."},
    {"command_bytes_max", Size{at<&Listener::command_bytes_max>, 512, 1 * mib},
     "The longest command line of a client; a longer one is answered 500."},
    {"login_bytes_max", Size{at<&Listener::login_bytes_max>, 64, 1 * mib},
     "The longest USER, PASS, ACCT or HOST line of a client, without its line end; a longer one is "
     "answered 501, and no backend hears it."},
    {"pipelined_bytes_max", Size{at<&Listener::pipelined_bytes_max>, 512, 16 * mib},
     "What a client may send ahead while a command is worked on. Not less than "
     "`command_bytes_max`."},
});

constexpr std::array<string_view, 2> listener_tables = {"tls", "route"};
constexpr std::array<string_view, 2> listener_alternatives = {"pool", "route"};

constexpr auto listener_tls_settings = with_tls_parameters<ListenerTls>(std::to_array<Setting>({
    {"certificate", Texts{at<&ListenerTls::certificate>, 1, path_bytes_max},
     "PEM files, each with the server's certificate, then those in between, and its key unless "
     "`key` is given. Clients that ask for a name (SNI) are shown the certificates with that name, "
     "all others the first one; ECDSA and RSA may stand side by side. A file that changes is read "
     "again, for connections from then on.",
     true},
    {"key", Texts{at<&ListenerTls::key>, 1, path_bytes_max},
     "PEM files with the keys, one for each certificate and in the same order. Empty: each "
     "certificate's file holds its key."},
    {"ocsp", Texts{at<&ListenerTls::ocsp>, 1, path_bytes_max},
     "Files with the OCSP responses (DER) to staple, one for each certificate and in the same "
     "order. Empty is none."},
    {"explicit", Flag{at<&ListenerTls::explicit_tls>},
     "Whether clients of `bind` may go over to TLS with AUTH TLS."},
    {"implicit_bind", Addresses{at<&ListenerTls::implicit_bind>},
     "Where clients connect to that speak TLS from the first byte; its usual port is 990."},
    {"require", word<&ListenerTls::require, tls_requires>,
     "`login` refuses USER without TLS, with 530; `login-and-data` refuses transfers without "
     "`PROT P` as well, with 521."},
    {"session_reuse", word<&ListenerTls::session_reuse, session_reuses>,
     "Whether a data connection resumes the TLS session of its control connection, by which a "
     "client proves that both are its own. `required` refuses one that does not, with 522; "
     "`preferred` lets clients do it that can; `off` makes each handshake a full one."},
    {"strict_close", Flag{at<&ListenerTls::strict_close>},
     "An upload, or a backend's download, that ends without TLS's close_notify may have been cut "
     "off "
     "by anybody on the way. If true it is broken off, with 426; if false it is believed and "
     "counted, for there are clients that never send one."},
    {"ccc", Flag{at<&ListenerTls::ccc>},
     "Whether CCC may take the control connection back to plain text after the login, so that a "
     "firewall can follow it. CCC is answered 534 otherwise."},
    {"client_ca", Text{at<&ListenerTls::client_ca>, 0, path_bytes_max},
     "PEM file with the authorities that sign the certificates of clients."},
    {"client_certificate", word<&ListenerTls::client_certificate, client_certificates>,
     "Whether clients are asked for a certificate. `request` takes those without one as well, "
     "`require` does not; one that `client_ca` has not signed is refused by both."},
    {"ticket_keys", Text{at<&ListenerTls::ticket_keys>, 0, path_bytes_max},
     "File with the keys of session tickets, for several balancers to share: a key a line, 80 "
     "random bytes in base64. The first makes tickets, all are accepted, and a file that changes "
     "is "
     "read again. Empty: the keys are made at random and change by themselves."},
    {"ticket_key_lifetime", Time{at<&ListenerTls::ticket_key_lifetime>, 1s, 168h},
     "How long a key made at random makes tickets. They are accepted for as long again."},
}));

constexpr auto route_settings = std::to_array<Setting>({
    {"pool", Name{at<&Route::pool>, true},
     "The pool of the sessions that match. Each route has either this or `reject`."},
    {"reject", Formed{at<&Route::reject>, &negative_reply},
     "The reply that refuses the sessions that match, such as `530 Not from here.` Empty is "
     "none."},
    {"counts_as_failure", Flag{at<&Route::counts_as_failure>},
     "Whether a session that `reject` refuses counts toward a ban (`[limits]`), as a wrong "
     "password "
     "does. For names that nobody has who does not guess."},
});
constexpr std::array<string_view, 1> route_tables = {"match"};
constexpr std::array<string_view, 2> route_alternatives = {"pool", "reject"};

constexpr auto route_match_settings = std::to_array<Setting>({
    {"user", Texts{at<&RouteMatch::user>, 1, pattern_bytes_max}, "Patterns for the user's name."},
    {"network", Networks{at<&RouteMatch::network>}, "Networks that hold the client."},
    {"host", Texts{at<&RouteMatch::host>, 1, pattern_bytes_max},
     "Patterns for the name that the client gave with HOST (RFC 7151), or in its user name if "
     "`user_at_host` lets it. Upper and lower case are the same."},
    {"sni", Texts{at<&RouteMatch::sni>, 1, pattern_bytes_max},
     "Patterns for the name that the client asked for in its TLS handshake (SNI). Upper and lower "
     "case are the same. Needs `[listener.NAME.tls]`, or `mode = \"passthrough\"`."},
    {"certificate", Texts{at<&RouteMatch::certificate>, 1, pattern_bytes_max},
     "Patterns for the subject of the client's certificate as RFC 2253 writes it: "
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
     "Where certain sessions go. Write the table once for each route; the first that matches "
     "decides, in the order of the file, and after the last the listener's `pool`.",
     route_settings, route_tables, route_alternatives},
    {defaults<RouteMatch>, "listener.NAME.route.match", "[listener.NAME.route.match]",
     "What a route asks for; often written in one line, `match = { user = \"sales-*\", network = "
     "\"10.0.0.0/8\" }`. All keys that are there have to match, and of several values of one key "
     "any may. In patterns `*` stands for any text and `?` for any character. A route without "
     "`match` takes every session.",
     route_match_settings},
});

}  // namespace

std::span<const Section> listener_sections() { return sections; }

}  // namespace ballast::config
