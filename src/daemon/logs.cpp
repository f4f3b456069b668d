// SPDX-License-Identifier: Apache-2.0
#include "daemon/logs.h"

#include "base/log.h"
#include "metrics/counters.h"
#include "session/transfer_log.h"

#include <cerrno>
#include <cstdint>
#include <string>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace ballast::daemon {

namespace {

log::Options options_of(const config::Log& settings) {
    const bool is_automatic = settings.format == config::LogFormat::automatic;
    const bool is_journal = settings.file.empty() && log::is_journal();
    const bool is_terminal = settings.file.empty() && ::isatty(STDERR_FILENO) != 0;
    const bool json =
        settings.format == config::LogFormat::json || (is_automatic && !is_journal && !is_terminal);
    const auto count_lost = [](std::uint64_t lines) {
        metrics::count(metrics::Counter::log_lines_lost, lines);
    };
    return {.level = static_cast<log::Level>(settings.level),
            .json = json,
            .file = settings.file,
            .journal = is_journal && is_automatic ? std::string(log::journal_socket) : "",
            .syslog = log::parse_syslog(settings.syslog),
            .facility = static_cast<std::uint8_t>(settings.facility),
            .has_priorities = is_journal,
            .count_lost = count_lost,
            .repeats_per_second = settings.repeats_per_second};
}

/// True if it is not wanted, too.
bool open_if_wanted(std::string_view name, const std::string& path) {
    if (!path.empty()) return log::open_file(name, path);
    log::close_file(name);
    return true;
}

}  // namespace

bool open_logs(const config::Config& config) {
    return log::start(options_of(config.log)) &&
           open_if_wanted(session::xferlog_name, config.transfer_log.xferlog) &&
           open_if_wanted(session::json_log_name, config.transfer_log.json);
}

void change_logs(const config::Config& config) {
    log::change(options_of(config.log));
    const auto change = [](std::string_view name, const std::string& path) {
        if (open_if_wanted(name, path)) return;
        log::error("a log file cannot be opened",
                   {{"log", name},
                    {"file", path},
                    {"reason", std::error_code(errno, std::system_category()).message()}});
    };
    change(session::xferlog_name, config.transfer_log.xferlog);
    change(session::json_log_name, config.transfer_log.json);
}

void log_problems(const std::vector<config::Problem>& problems, std::string_view file) {
    for (const auto& problem : problems) {
        const bool is_error = problem.severity == config::Severity::error;
        log::write_each(log::Level::warning,
                        is_error ? "configuration error" : "configuration warning",
                        {{"file", file},
                         {"line", std::uint64_t{problem.where.line}},
                         {"key", problem.where.key},
                         {"reason", problem.what},
                         {"cure", problem.fix}});
    }
}

void log_counters() {
    std::vector<log::Field> fields;
    for (const auto& row : metrics::all_counters())
        fields.push_back({row.name, metrics::total(row.counter)});
    log::write_each(log::Level::info, "counters", fields);
}

}  // namespace ballast::daemon
