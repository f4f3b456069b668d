// SPDX-License-Identifier: Apache-2.0
#include "config/settings.h"

#include "config/limits.h"
#include "config/words.h"

#include <array>
#include <chrono>
#include <string_view>

namespace ballast::config {

namespace {

using namespace std::chrono_literals;
using std::string_view;

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

}  // namespace ballast::config
