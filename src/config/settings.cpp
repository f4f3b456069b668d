// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

constexpr Duration time_max = 24h;
constexpr std::size_t path_bytes_max = 4095;  // PATH_MAX less its NUL
constexpr std::size_t kib = 1024;
constexpr std::size_t mib = 1024 * kib;

constexpr auto log_levels = std::to_array<Spelling<LogLevel>>({
    {"error", LogLevel::error},
    {"warning", LogLevel::warning},
    {"info", LogLevel::info},
    {"debug", LogLevel::debug},
});
constexpr auto log_formats = std::to_array<Spelling<LogFormat>>({
    {"automatic", LogFormat::automatic},
    {"text", LogFormat::text},
    {"json", LogFormat::json},
});
constexpr auto probe_types = std::to_array<Spelling<ProbeType>>({
    {"none", ProbeType::none},
    {"tcp", ProbeType::tcp},
    {"login", ProbeType::login},
});
constexpr auto balances = std::to_array<Spelling<Balance>>({
    {"round-robin", Balance::round_robin},
    {"least-transfers", Balance::least_transfers},
});

constexpr auto tls_versions = std::to_array<Spelling<base::TlsVersion>>({
    {"1.0", base::TlsVersion::tls_1_0},
    {"1.1", base::TlsVersion::tls_1_1},
    {"1.2", base::TlsVersion::tls_1_2},
    {"1.3", base::TlsVersion::tls_1_3},
});
constexpr auto tls_requires = std::to_array<Spelling<TlsRequire>>({
    {"none", TlsRequire::none},
    {"login", TlsRequire::login},
    {"login-and-data", TlsRequire::login_and_data},
});
constexpr auto session_reuses = std::to_array<Spelling<SessionReuse>>({
    {"required", SessionReuse::required},
    {"preferred", SessionReuse::preferred},
    {"off", SessionReuse::off},
});
constexpr auto client_certificates = std::to_array<Spelling<ClientCertificate>>({
    {"none", ClientCertificate::none},
    {"request", ClientCertificate::request},
    {"require", ClientCertificate::require},
});
constexpr auto backend_tls_modes = std::to_array<Spelling<BackendTlsMode>>({
    {"off", BackendTlsMode::off},
    {"explicit", BackendTlsMode::explicit_tls},
    {"implicit", BackendTlsMode::implicit_tls},
    {"as-client", BackendTlsMode::as_client},
});
constexpr auto backend_verifies = std::to_array<Spelling<BackendVerify>>({
    {"full", BackendVerify::full},
    {"ca", BackendVerify::ca},
    {"none", BackendVerify::none},
});
constexpr auto backend_data = std::to_array<Spelling<BackendDataTls>>({
    {"as-client", BackendDataTls::as_client},
    {"always", BackendDataTls::always},
    {"never", BackendDataTls::never},
});

constexpr auto config_settings = std::to_array<Setting<Config>>({
    {"workers", Number<Config>{&Config::workers, 0, 256},
     "Threads that carry sessions and transfers. 0 is one for each core."},
    {"shutdown_timeout", Time<Config>{&Config::shutdown_timeout, 0s, time_max},
     "How long running transfers may take to finish after SIGTERM before they are reset."},
});
constexpr std::array<string_view, 4> config_tables = {"log", "transfer_log", "listener", "pool"};

constexpr auto log_settings = std::to_array<Setting<Log>>({
    {"level", Word<Log, LogLevel>{&Log::level, log_levels},
     "The least urgent lines that are written."},
    {"format", Word<Log, LogFormat>{&Log::format, log_formats},
     "`automatic` is readable text on a terminal and one JSON object per line otherwise."},
    {"file", Text<Log>{&Log::file, 0, path_bytes_max}, "Empty is standard error."},
});

constexpr auto transfer_log_settings = std::to_array<Setting<TransferLog>>({
    {"xferlog", Text<TransferLog>{&TransferLog::xferlog, 0, path_bytes_max},
     "File with one line per transfer in wu-ftpd's xferlog format. Empty is none."},
    {"json", Text<TransferLog>{&TransferLog::json, 0, path_bytes_max},
     "File with one JSON object per transfer: who, file, bytes, seconds, direction, backend, "
     "result and reason. Empty is none."},
});

constexpr auto listener_settings = std::to_array<Setting<Listener>>({
    {"bind", Addresses<Listener>{&Listener::bind},
     "Where clients connect to. `0.0.0.0` is every IPv4 address and `[::]` every IPv6 address; "
     "they may stand side by side. Port 0 lets the system choose one. At least one address, unless "
     "`tls.implicit_bind` has one."},
    {"pool", Name<Listener>{&Listener::pool}, "The pool that serves this listener's clients.",
     true},
    {"passive_ports", Ports<Listener>{&Listener::passive_ports},
     "Where clients open passive data connections. Several listeners may share one identical "
     "range, but ranges must not overlap in part. One port serves many clients at once."},
    {"public_address", Announced<Listener>{&Listener::public_address},
     "The address that PASV announces, for example that of the NAT in front. `local` is the "
     "address that the client connected to. In a table the smallest network that holds the client "
     "decides, and `default` holds for all others."},
    {"active_source_port", SourcePort<Listener>{&Listener::active_source_port},
     "Source port of active data connections to clients. `below-control` is the listener's port "
     "less one, as RFC 959 has it: 20 for 21. Ports below 1024 need the right to bind them."},
    {"greeting", Text<Listener>{&Listener::greeting, 1, 500},
     "The text of the 220 that welcomes a client."},
    {"login_timeout", Time<Listener>{&Listener::login_timeout, 1ms, time_max},
     "From the connection to the successful login."},
    {"idle_timeout", Time<Listener>{&Listener::idle_timeout, 1ms, time_max},
     "Between two commands of a client. A running transfer does not count as idle."},
    {"write_timeout", Time<Listener>{&Listener::write_timeout, 1ms, time_max},
     "For a client to take a reply."},
    {"data_connect_timeout", Time<Listener>{&Listener::data_connect_timeout, 1ms, time_max},
     "For a data connection to come about, in either data mode."},
    {"data_stall_timeout", Time<Listener>{&Listener::data_stall_timeout, 1ms, time_max},
     "A transfer that moves no byte for this long is reset."},
    {"upload_end_grace", Time<Listener>{&Listener::upload_end_grace, 0ms, 1s},
     "An upload ends alike whether its client has finished or was killed; but a killed client's "
     "control connection ends too, a moment before or after. For so long the end of an upload is "
     "held back from the backend. It is added to the time of each upload."},
    {"command_bytes_max", Size<Listener>{&Listener::command_bytes_max, 512, 1 * mib},
     "The longest command line of a client; a longer one is answered 500."},
    {"pipelined_bytes_max", Size<Listener>{&Listener::pipelined_bytes_max, 512, 16 * mib},
     "What a client may send ahead while a command is worked on. Not less than "
     "`command_bytes_max`."},
});

constexpr std::array<string_view, 1> listener_tables = {"tls"};

/// What both ends of TLS have, after the rows of their own.
template <typename S, std::size_t N>
constexpr auto with_tls_parameters(const std::array<Setting<S>, N>& own) {
    const auto parameters = std::to_array<Setting<S>>({
        {"min_version", Word<S, base::TlsVersion>{&S::min_version, tls_versions},
         "The oldest version of TLS that is spoken. `1.0` and `1.1` are broken: they bring OpenSSL "
         "down to its lowest level of security, which a list of your own in `ciphers` has to ask "
         "for with `@SECLEVEL=0`."},
        {"max_version", Word<S, base::TlsVersion>{&S::max_version, tls_versions},
         "The newest version of TLS that is spoken."},
        {"ciphers", Text<S>{&S::ciphers, 0, 4096},
         "Ciphers up to TLS 1.2 in OpenSSL's notation, see `openssl ciphers`. Empty is those with "
         "forward secrecy."},
        {"ciphersuites", Text<S>{&S::ciphersuites, 0, 4096},
         "Cipher suites of TLS 1.3, with `:` in between. Empty is OpenSSL's choice."},
        {"handshake_timeout", Time<S>{&S::handshake_timeout, 1ms, time_max},
         "For a handshake to finish, on control and data connections."},
    });
    std::array<Setting<S>, N + parameters.size()> all;
    std::ranges::copy(parameters, std::ranges::copy(own, all.begin()).out);
    return all;
}

constexpr auto listener_tls_settings = with_tls_parameters(std::to_array<Setting<ListenerTls>>({
    {"certificate", Texts<ListenerTls>{&ListenerTls::certificate, 1, path_bytes_max},
     "PEM files, each with the server's certificate, then those in between, and its key unless "
     "`key` is given. Clients that ask for a name (SNI) are shown the certificates with that name, "
     "all others the first one; ECDSA and RSA may stand side by side. A file that changes is read "
     "again, for connections from then on.",
     true},
    {"key", Texts<ListenerTls>{&ListenerTls::key, 1, path_bytes_max},
     "PEM files with the keys, one for each certificate and in the same order. Empty: each "
     "certificate's file holds its key."},
    {"ocsp", Texts<ListenerTls>{&ListenerTls::ocsp, 1, path_bytes_max},
     "Files with the OCSP responses (DER) to staple, one for each certificate and in the same "
     "order. Empty is none."},
    {"explicit", Flag<ListenerTls>{&ListenerTls::explicit_tls},
     "Whether clients of `bind` may go over to TLS with AUTH TLS."},
    {"implicit_bind", Addresses<ListenerTls>{&ListenerTls::implicit_bind},
     "Where clients connect to that speak TLS from the first byte; its usual port is 990."},
    {"require", Word<ListenerTls, TlsRequire>{&ListenerTls::require, tls_requires},
     "`login` refuses USER without TLS, with 530; `login-and-data` refuses transfers without "
     "`PROT P` as well, with 521."},
    {"session_reuse", Word<ListenerTls, SessionReuse>{&ListenerTls::session_reuse, session_reuses},
     "Whether a data connection resumes the TLS session of its control connection, by which a "
     "client proves that both are its own. `required` refuses one that does not, with 522; "
     "`preferred` lets clients do it that can; `off` makes each handshake a full one."},
    {"strict_close", Flag<ListenerTls>{&ListenerTls::strict_close},
     "An upload, or a backend's download, that ends without TLS's close_notify may have been cut "
     "off "
     "by anybody on the way. If true it is broken off, with 426; if false it is believed and "
     "counted, for there are clients that never send one."},
    {"ccc", Flag<ListenerTls>{&ListenerTls::ccc},
     "Whether CCC may take the control connection back to plain text after the login, so that a "
     "firewall can follow it. CCC is answered 534 otherwise."},
    {"client_ca", Text<ListenerTls>{&ListenerTls::client_ca, 0, path_bytes_max},
     "PEM file with the authorities that sign the certificates of clients."},
    {"client_certificate",
     Word<ListenerTls, ClientCertificate>{&ListenerTls::client_certificate, client_certificates},
     "Whether clients are asked for a certificate. `request` takes those without one as well, "
     "`require` does not; one that `client_ca` has not signed is refused by both."},
    {"ticket_keys", Text<ListenerTls>{&ListenerTls::ticket_keys, 0, path_bytes_max},
     "File with the keys of session tickets, for several balancers to share: a key a line, 80 "
     "random bytes in base64. The first makes tickets, all are accepted, and a file that changes "
     "is "
     "read again. Empty: the keys are made at random and change by themselves."},
    {"ticket_key_lifetime", Time<ListenerTls>{&ListenerTls::ticket_key_lifetime, 1s, 168h},
     "How long a key made at random makes tickets. They are accepted for as long again."},
}));

constexpr auto pool_settings = std::to_array<Setting<Pool>>({
    {"balance", Word<Pool, Balance>{&Pool::balance, balances},
     "`round-robin` gives each backend sessions in proportion to its weight; `least-transfers` "
     "gives the next session to the backend with the fewest running transfers for its weight."},
    {"connect_timeout", Time<Pool>{&Pool::connect_timeout, 1ms, time_max},
     "For a backend to accept a control or data connection; then the next backend is tried."},
    {"greeting_timeout", Time<Pool>{&Pool::greeting_timeout, 1ms, time_max},
     "For a backend to send its 220 after it accepted; then the next backend is tried."},
    {"reply_timeout", Time<Pool>{&Pool::reply_timeout, 1ms, time_max},
     "For a backend to answer a command."},
    {"final_reply_timeout", Time<Pool>{&Pool::final_reply_timeout, 1ms, time_max},
     "From the end of a transfer's data to the backend's last reply to it. Servers that store or "
     "scan a file after they received it need longer."},
    {"resolve_interval", Time<Pool>{&Pool::resolve_interval, 1ms, time_max},
     "How often host names in `address` are looked up again."},
    {"reply_line_bytes_max", Size<Pool>{&Pool::reply_line_bytes_max, 512, 1 * mib},
     "The longest line of a backend's reply."},
    {"reply_bytes_max", Size<Pool>{&Pool::reply_bytes_max, 512, 16 * mib},
     "The longest reply of a backend, all its lines. Not less than `reply_line_bytes_max`."},
});
constexpr std::array<string_view, 3> pool_tables = {"probe", "tls", "backend"};

constexpr auto probe_settings = std::to_array<Setting<Probe>>({
    {"type", Word<Probe, ProbeType>{&Probe::type, probe_types},
     "`tcp` connects; `login` reads the greeting and logs in as well; `none` trusts what live "
     "sessions see."},
    {"user", Text<Probe>{&Probe::user, 0, 256}, "Who logs in. `login` needs it."},
    {"password_file", Text<Probe>{&Probe::password_file, 0, path_bytes_max},
     "File whose first line is the password. `login` needs it."},
    {"interval", Time<Probe>{&Probe::interval, 1ms, time_max}, "From one probe to the next."},
    {"timeout", Time<Probe>{&Probe::timeout, 1ms, time_max},
     "A probe that takes longer has failed."},
    {"rise", Number<Probe>{&Probe::rise, 1, 100},
     "Good probes in a row after which a backend that is down is up again."},
    {"fall", Number<Probe>{&Probe::fall, 1, 100},
     "Failures in a row after which a backend is down. Refused connections of live sessions count "
     "as well."},
    {"jitter_percent", Number<Probe>{&Probe::jitter_percent, 0, 50},
     "How much of the interval is random, either way, so that probes do not march in step."},
});

constexpr auto backend_tls_settings = with_tls_parameters(std::to_array<Setting<BackendTls>>({
    {"mode", Word<BackendTls, BackendTlsMode>{&BackendTls::mode, backend_tls_modes},
     "`explicit` asks for TLS with AUTH TLS, `implicit` speaks it from the first byte (its usual "
     "port is 990), and `as-client` does AUTH TLS for clients that use TLS themselves and nothing "
     "for the others. Probes use TLS unless it is `off`."},
    {"ca", Text<BackendTls>{&BackendTls::ca, 0, path_bytes_max},
     "PEM file with the authorities that sign the backends' certificates. Empty is those that the "
     "system trusts."},
    {"verify", Word<BackendTls, BackendVerify>{&BackendTls::verify, backend_verifies},
     "`full` wants a certificate from the authorities and with the backend's name, `ca` one from "
     "the authorities with any name; `none` takes every certificate, and so everybody who gets in "
     "between."},
    {"data", Word<BackendTls, BackendDataTls>{&BackendTls::data, backend_data},
     "Whether data connections to the backend are protected: as the client's is, `always`, or "
     "`never` for servers that refuse `PROT P`. It holds where the control connection has TLS: "
     "with "
     "`mode = \"as-client\"` the data of a plain client is plain even under `always`. What a "
     "backend refuses, the client is refused with 522."},
    {"certificate", Text<BackendTls>{&BackendTls::certificate, 0, path_bytes_max},
     "PEM file with the certificate that backends are shown when they ask for one, then those in "
     "between, and its key unless `key` is given. Empty is none."},
    {"key", Text<BackendTls>{&BackendTls::key, 0, path_bytes_max},
     "PEM file with the key. Empty: the certificate's file holds it."},
    {"server_name", Text<BackendTls>{&BackendTls::server_name, 0, 253},
     "The name that the backend is asked for (SNI) and that its certificate must have. Empty is "
     "the host of `address`; if that is an IP address, the certificate must have that."},
}));

constexpr auto backend_settings = std::to_array<Setting<Backend>>({
    {"name", Name<Backend>{&Backend::name},
     "What logs and metrics call the backend. Different from the others of its pool.", true},
    {"address", HostPort<Backend>{&Backend::host, &Backend::port},
     "Where the FTP server is; the port is 21 unless given. A host name is looked up, and every "
     "address that it has is a backend.",
     true},
    {"weight", Number<Backend>{&Backend::weight, 1, 256},
     "Its share relative to the other backends of the pool.", false,
     "to take the backend out, remove its table"},
    {"max_sessions", Number<Backend>{&Backend::max_sessions, 0, 1'000'000},
     "How many sessions it may have at once. 0 is no limit."},
    {"backup", Flag<Backend>{&Backend::backup},
     "Chosen only when no other backend of the pool can be."},
});

constexpr std::array<string_view, 1> backend_tables = {"tls"};

constexpr Section<Config> config_section = {
    "", "Top of the file", "These stand before the first table.", config_settings, config_tables};
constexpr Section<Log> log_section = {
    "log",
    "[log]",
    "What Ballast says about itself. Passwords are never written.",
    log_settings,
    {}};
constexpr Section<TransferLog> transfer_log_section = {
    "transfer_log",
    "[transfer_log]",
    "What was transferred. Both may be written at once.",
    transfer_log_settings,
    {}};
constexpr Section<Listener> listener_section = {
    "listener.NAME", "[listener.NAME]",
    "An address that clients connect to. There is at least one; NAME is yours to choose.",
    listener_settings, listener_tables};
constexpr Section<ListenerTls> listener_tls_section = {
    "listener.NAME.tls",
    "[listener.NAME.tls]",
    "TLS towards clients (FTPS, RFC 4217). Without this table the listener has none.",
    listener_tls_settings,
    {}};
constexpr Section<Pool> pool_section = {
    "pool.NAME", "[pool.NAME]",
    "Backends that serve the same files. There is at least one; NAME is what listeners call it.",
    pool_settings, pool_tables};
constexpr Section<Probe> probe_section = {
    "pool.NAME.probe",
    "[pool.NAME.probe]",
    "The health question that is put to each backend of the pool. Often written in one line: "
    "`probe = { type = \"tcp\", interval = \"5s\" }`.",
    probe_settings,
    {}};
constexpr Section<BackendTls> backend_tls_section = {
    "pool.NAME.tls",
    "[pool.NAME.tls]",
    "TLS towards the backends of the pool. A backend may set each of these keys for itself, and "
    "has "
    "the pool's for all others: `tls = { mode = \"off\" }` in `[[pool.NAME.backend]]`.",
    backend_tls_settings,
    {}};
constexpr Section<Backend> backend_section = {"pool.NAME.backend", "[[pool.NAME.backend]]",
                                              "One FTP server. A pool has at least one; write the "
                                              "table once for each. Its `tls` has the keys "
                                              "of `[pool.NAME.tls]`.",
                                              backend_settings, backend_tables};

}  // namespace

template <>
const Section<Config>& section<Config>() {
    return config_section;
}
template <>
const Section<Log>& section<Log>() {
    return log_section;
}
template <>
const Section<TransferLog>& section<TransferLog>() {
    return transfer_log_section;
}
template <>
const Section<Listener>& section<Listener>() {
    return listener_section;
}
template <>
const Section<ListenerTls>& section<ListenerTls>() {
    return listener_tls_section;
}
template <>
const Section<Pool>& section<Pool>() {
    return pool_section;
}
template <>
const Section<Probe>& section<Probe>() {
    return probe_section;
}
template <>
const Section<BackendTls>& section<BackendTls>() {
    return backend_tls_section;
}
template <>
const Section<Backend>& section<Backend>() {
    return backend_section;
}

}  // namespace ballast::config
