// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include <array>
#include <chrono>

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
     "they may stand side by side. Port 0 lets the system choose one.",
     true},
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
constexpr std::array<string_view, 2> pool_tables = {"probe", "backend"};

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
    "listener.NAME",
    "[listener.NAME]",
    "An address that clients connect to. There is at least one; NAME is yours to choose.",
    listener_settings,
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
constexpr Section<Backend> backend_section = {
    "pool.NAME.backend",
    "[[pool.NAME.backend]]",
    "One FTP server. A pool has at least one; write the table once for each.",
    backend_settings,
    {}};

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
const Section<Pool>& section<Pool>() {
    return pool_section;
}
template <>
const Section<Probe>& section<Probe>() {
    return probe_section;
}
template <>
const Section<Backend>& section<Backend>() {
    return backend_section;
}

}  // namespace ballast::config
