// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include "base/log_line.h"
#include "base/log_repeats.h"
#include "base/log_writer.h"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace ballast::log {

namespace {

constexpr auto stop_timeout = std::chrono::seconds(1);

/// Where the log goes, beside or instead of the main file.
struct Servers {
    std::unique_ptr<LogWriter> journal;  ///< instead of standard error
    std::unique_ptr<LogWriter> syslog;   ///< beside the others
};

struct State {
    Options options;  // those of the start
    SyslogOrigin origin;
    std::unique_ptr<LogWriter> main;
    std::shared_mutex files_mutex;  // of the next two
    std::map<std::string, std::unique_ptr<LogWriter>, std::less<>> files;
    Servers servers;
    std::atomic<bool> has_journal;
    std::atomic<bool> has_syslog;
    std::atomic<bool> json;
    std::atomic<bool> has_priorities;
    std::atomic<std::uint8_t> facility;
    std::atomic<std::uint32_t> repeats_per_second;
    std::mutex repeats_mutex;
    Repeats repeats;
};

std::unique_ptr<State> state;               // set before threads start, kept until they end
std::atomic<Level> level_now{Level::info};  // read on hot paths

std::string main_line(const Entry& entry) {
    auto line = state->json ? json_line(entry) : text_line(entry);
    if (state->has_priorities) line.insert(0, fmt::format("<{}>", severity_of(entry.level)));
    return line;
}

std::string journal_line(const Entry& entry) { return journal_entry(entry, state->facility); }

std::string syslog_message(const Entry& entry) {
    auto origin = state->origin;
    origin.facility = state->facility;
    return syslog_line(entry, origin);
}

void write_entry(Level level, std::string_view message, std::span<const Field> fields) {
    const Entry entry = {level, message, fields, std::chrono::system_clock::now()};
    if (!state->has_journal && !state->has_syslog) return state->main->write(main_line(entry));
    const std::shared_lock lock(state->files_mutex);
    const auto& [journal, syslog] = state->servers;
    if (syslog) syslog->write(syslog_message(entry));
    if (journal)
        journal->write(journal_line(entry));
    else
        state->main->write(main_line(entry));
}

void write_out(Level level, std::string_view message, std::span<const Field> fields,
               std::uint64_t left_out) {
    if (left_out == 0) return write_entry(level, message, fields);
    std::vector<Field> all(fields.begin(), fields.end());
    all.push_back({"left_out", left_out});
    write_entry(level, message, all);
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
    state->facility = options.facility;
    state->repeats_per_second = options.repeats_per_second;
    level_now = options.level;
}

/// Reports lost lines in the form of the log that lost them.
std::function<std::string(std::uint64_t)> loss_in_form(std::string (*form)(const Entry&)) {
    return [form](std::uint64_t lines) {
        const Field count{"lines", lines};
        return form({.level = Level::warning,
                     .message = "log lines were lost: the reader or the disk is too slow",
                     .fields = {&count, 1},
                     .at = std::chrono::system_clock::now()});
    };
}

std::unique_ptr<LogWriter> open_main() {
    return LogWriter::open({.target = {.place = state->options.file},
                            .queued_bytes_max = state->options.queued_bytes_max,
                            .count_lost = state->options.count_lost,
                            .tell_lost = loss_in_form(main_line),
                            .reopen_failed = [] {
                                error("the log file cannot be opened again, keeping the old one");
                            }});
}

/// Null if there is no journal.
std::unique_ptr<LogWriter> open_journal(const std::string& socket) {
    return LogWriter::open({.target = {Target::Kind::journal, socket},
                            .queued_bytes_max = state->options.queued_bytes_max,
                            .count_lost = state->options.count_lost,
                            .tell_lost = loss_in_form(journal_line),
                            .reopen_failed = nullptr});
}

std::unique_ptr<LogWriter> open_syslog(const Target& server) {
    const auto unreachable = [](std::string_view reason) {
        warning("the syslog server cannot be reached, lines wait for it", {{"reason", reason}});
    };
    return LogWriter::open({.target = server,
                            .queued_bytes_max = state->options.queued_bytes_max,
                            .count_lost = state->options.count_lost,
                            .tell_lost = loss_in_form(syslog_message),
                            .reopen_failed = nullptr,
                            .unreachable = unreachable,
                            .reachable = [] { info("the syslog server can be reached again"); }});
}

/// Begins, moves or ends what the options say. A writer that ends writes its queue after the lock
/// is released: its thread may be about to log.
void set_servers(const Options& options) {
    Servers former;
    auto& now = state->servers;
    if (options.journal.empty() != (now.journal == nullptr)) {
        auto opened = options.journal.empty() ? nullptr : open_journal(options.journal);
        const std::unique_lock lock(state->files_mutex);
        former.journal = std::exchange(now.journal, std::move(opened));
        state->has_journal = now.journal != nullptr;
    }
    if (options.syslog && now.syslog) {
        now.syslog->move_to(*options.syslog);
    } else {
        auto opened = options.syslog ? open_syslog(*options.syslog) : nullptr;
        const std::unique_lock lock(state->files_mutex);
        former.syslog = std::exchange(now.syslog, std::move(opened));
        state->has_syslog = now.syslog != nullptr;
    }
}

std::string host_now() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
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
    state->origin = {.host = host_now(), .process = fmt::format("{}", ::getpid())};
    set_form(options);
    set_servers(options);
    return true;
}

void change(const Options& options) {
    if (!state) return;
    set_form(options);
    state->main->move_to({.place = options.file});
    set_servers(options);
}

void set_level(Level level) {
    if (state) level_now = level;
}

Level level() { return level_now; }

void write_last() {
    if (!state) return;
    tell_left_out_until(Repeats::Time::max());
    // All share one deadline. The main log comes last, because the others may still log to it.
    const auto deadline = std::chrono::steady_clock::now() + stop_timeout;
    {
        const std::shared_lock lock(state->files_mutex);
        for (const auto& [name, file] : state->files) file->close(deadline);
        state->main->close(deadline);
        if (state->servers.journal) state->servers.journal->close(deadline);
        if (state->servers.syslog) state->servers.syslog->close(deadline);
    }
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
            known->second->move_to({.place = path});
            return true;
        }
    }
    auto file = LogWriter::open({.target = {.place = path},
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
    std::unique_ptr<LogWriter> closed;
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
    if (state->servers.journal) state->servers.journal->reopen();
    if (state->servers.syslog) state->servers.syslog->reopen();
}

void caught(std::string_view message, const std::exception& problem) noexcept {
    try {
        error(message, {{"reason", std::string_view(problem.what())}, {"fault", "ballast"}});
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no way to report it
    }
}

}  // namespace ballast::log
