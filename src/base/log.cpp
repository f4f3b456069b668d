// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/json.h"
#include "base/log_file.h"
#include "base/log_repeats.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace ballast::log {

namespace {

/// Bounds of one text in a line and of all texts in it, as written. Longer ones are cut.
constexpr std::size_t value_bytes_max = 8192;
constexpr std::size_t line_bytes_max = 32768;
constexpr auto stop_timeout = std::chrono::seconds(1);

struct State {
    Options options;  // those of the start
    std::unique_ptr<LogFile> main;
    std::shared_mutex files_mutex;
    std::map<std::string, std::unique_ptr<LogFile>, std::less<>> files;
    std::atomic<bool> json;
    std::atomic<bool> has_priorities;
    std::atomic<std::uint32_t> repeats_per_second;
    std::mutex repeats_mutex;
    Repeats repeats;
};

std::unique_ptr<State> state;               // set before threads start, kept until they end
std::atomic<Level> level_now{Level::info};  // read on hot paths

std::string_view name_of(Level level) {
    switch (level) {
        case Level::error: return "error";
        case Level::warning: return "warning";
        case Level::info: return "info";
        case Level::debug: return "debug";
    }
    return "?";
}

/// The priorities of syslog(3).
std::string_view priority_of(Level level) {
    switch (level) {
        case Level::error: return "<3>";
        case Level::warning: return "<4>";
        case Level::info: return "<6>";
        case Level::debug: return "<7>";
    }
    return "";
}

std::string time_now() {
    const auto now = std::chrono::system_clock::now();
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() %
        1'000'000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                       utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, micros);
}

/// The space left for a text in a line.
std::size_t bytes_left(const std::string& line) {
    return std::min(value_bytes_max, line_bytes_max - std::min(line_bytes_max, line.size()));
}

void append_json(std::string& out, const Field& field) {
    out += base::json_string(field.name);
    out += ':';
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>)
                out += base::json_string(value, bytes_left(out));
            else
                fmt::format_to(std::back_inserter(out), "{}", value);
        },
        field.value);
}

void append_text(std::string& out, const Field& field) {
    fmt::format_to(std::back_inserter(out), " {}=", field.name);
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>) {
                const bool plain =
                    !value.empty() && value.find_first_of(" \"=\\") == std::string_view::npos;
                const auto quoted = base::json_string(value, bytes_left(out));
                out += plain && quoted.size() == value.size() + 2 ? std::string(value) : quoted;
            } else {
                fmt::format_to(std::back_inserter(out), "{}", value);
            }
        },
        field.value);
}

std::string line_of(Level level, std::string_view message, std::span<const Field> fields) {
    std::string line;
    if (state->has_priorities) line = priority_of(level);
    if (state->json) {
        line += "{\"time\":" + base::json_string(time_now());
        line += ",\"level\":" + base::json_string(name_of(level));
        line += ",\"message\":" + base::json_string(message, value_bytes_max);
        for (const auto& field : fields) append_json(line += ',', field);
        line += '}';
    } else {
        line += fmt::format("{} {:7} {}", time_now(), name_of(level), message);
        for (const auto& field : fields) append_text(line, field);
    }
    return line;
}

void write_out(Level level, std::string_view message, std::span<const Field> fields,
               std::uint64_t left_out) {
    if (left_out == 0) return state->main->write(line_of(level, message, fields));
    std::vector<Field> all(fields.begin(), fields.end());
    all.push_back({"left_out", left_out});
    state->main->write(line_of(level, message, all));
}

std::optional<std::uint64_t> admit(std::string_view kind, std::uint32_t per_second) {
    const std::lock_guard lock(state->repeats_mutex);
    return state->repeats.admit(kind, per_second, std::chrono::steady_clock::now());
}

void tell_left_out_until(Repeats::Time until) {
    std::vector<Repeats::LeftOut> all;
    {
        const std::lock_guard lock(state->repeats_mutex);
        all = state->repeats.take_left_out(until);
    }
    for (const auto& [kind, lines] : all) {
        const std::array<Field, 2> fields = {{{"like", kind}, {"lines", lines}}};
        write_out(Level::warning, "lines were left out", fields, 0);
    }
}

void set_form(const Options& options) {
    state->json = options.json;
    state->has_priorities = options.has_priorities;
    state->repeats_per_second = options.repeats_per_second;
    level_now = options.level;
}

std::unique_ptr<LogFile> open_main() {
    constexpr auto tell_lost = [](std::uint64_t lines) {
        const Field count{"lines", lines};
        return line_of(Level::warning, "log lines were lost: the reader or the disk is too slow",
                       {&count, 1});
    };
    return LogFile::open({.path = state->options.file,
                          .queued_bytes_max = state->options.queued_bytes_max,
                          .count_lost = state->options.count_lost,
                          .tell_lost = tell_lost,
                          .reopen_failed = [] {
                              error("the log file cannot be opened again, keeping the old one");
                          }});
}

}  // namespace

bool is_journal() {
    const char* const named = std::getenv("JOURNAL_STREAM");  // NOLINT: before the first thread
    struct stat status{};
    if (named == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    return named == fmt::format("{}:{}", status.st_dev, status.st_ino);
}

bool start(const Options& options) {
    state = std::make_unique<State>();
    state->options = options;
    state->main = open_main();
    if (!state->main) {
        state.reset();
        return false;
    }
    set_form(options);
    return true;
}

void change(const Options& options) {
    if (!state) return;
    set_form(options);
    state->main->move_to(options.file);
}

void write_last() {
    if (!state) return;
    tell_left_out_until(Repeats::Time::max());
    // All share one deadline. The main log comes last, because the others may still log to it.
    const auto deadline = std::chrono::steady_clock::now() + stop_timeout;
    {
        const std::shared_lock lock(state->files_mutex);
        for (const auto& [name, file] : state->files) file->close(deadline);
    }
    state->main->close(deadline);
}

void stop() {
    write_last();
    state.reset();
}

bool enabled(Level level) { return state && level <= level_now.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, std::span<const Field> fields) {
    if (!enabled(level)) return;
    // An operator who sets `debug` wants every line.
    if (level == Level::debug) return write_out(level, message, fields, 0);
    if (const auto left_out = admit(message, state->repeats_per_second))
        write_out(level, message, fields, *left_out);
}

void write_each(Level level, std::string_view message, std::span<const Field> fields) {
    if (enabled(level)) write_out(level, message, fields, 0);
}

void write_seldom(Level level, std::string_view message, std::string_view kind,
                  std::span<const Field> fields) {
    if (!enabled(level)) return;
    const auto per_second = state->repeats_per_second == 0 ? 0U : 1U;
    if (const auto left_out = admit(fmt::format("{}: {}", message, kind), per_second))
        write_out(level, message, fields, *left_out);
}

void tell_left_out() {
    if (state) tell_left_out_until(std::chrono::steady_clock::now());
}

bool open_file(std::string_view name, const std::string& path) {
    const std::string owned(name);
    const auto tell_lost = [owned](std::uint64_t lines) {
        warning("lines of a log were lost: the reader or the disk is too slow",
                {{"log", owned}, {"lines", lines}});
        return std::string();
    };
    const auto reopen_failed = [owned] {
        error("a log file cannot be opened again, keeping the old one", {{"log", owned}});
    };
    {
        const std::shared_lock lock(state->files_mutex);
        if (const auto known = state->files.find(name); known != state->files.end()) {
            known->second->move_to(path);
            return true;
        }
    }
    auto file = LogFile::open({.path = path,
                               .queued_bytes_max = state->options.queued_bytes_max,
                               .count_lost = state->options.count_lost,
                               .tell_lost = tell_lost,
                               .reopen_failed = reopen_failed});
    if (!file) return false;
    const std::unique_lock lock(state->files_mutex);
    state->files[owned] = std::move(file);
    return true;
}

void close_file(std::string_view name) {
    std::unique_ptr<LogFile> closed;
    {
        const std::unique_lock lock(state->files_mutex);
        const auto found = state->files.find(name);
        if (found == state->files.end()) return;
        closed = std::move(found->second);
        state->files.erase(found);
    }
}

bool has_file(std::string_view name) {
    if (!state) return false;
    const std::shared_lock lock(state->files_mutex);
    return state->files.contains(name);
}

void write_line(std::string_view name, std::string_view line) {
    if (!state) return;
    const std::shared_lock lock(state->files_mutex);
    const auto found = state->files.find(name);
    if (found != state->files.end()) found->second->write(std::string(line));
}

void reopen() {
    if (!state) return;
    state->main->reopen();
    const std::shared_lock lock(state->files_mutex);
    for (const auto& [name, file] : state->files) file->reopen();
}

void caught(std::string_view message, const std::exception& problem) noexcept {
    try {
        error(message, {{"reason", std::string_view(problem.what())}});
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no way to report it
    }
}

std::string json_object(std::initializer_list<Field> fields) {
    std::string out = "{";
    for (const auto& field : fields) {
        if (out.size() > 1) out += ',';
        append_json(out, field);
    }
    return out += '}';
}

}  // namespace ballast::log
