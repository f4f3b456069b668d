// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log_target.h"

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// Log lines for operators: one sentence and named fields, as readable text or as JSON. Any thread
/// may call, and no call waits for a file, a pipe or a disk: each log has its own writing thread.
/// When that thread cannot keep up, the oldest lines are lost and counted, and the log says how
/// many as soon as it can. A line's length is bounded: long texts are cut. Callers never pass
/// passwords.
namespace ballast::log {

enum class Level : std::uint8_t { error, warning, info, debug };

struct Field {
    std::string_view name;
    std::variant<std::string_view, std::int64_t, std::uint64_t, double> value;
};

struct Options {
    Level level = Level::info;
    bool json = false;
    std::string file;  ///< empty: standard error
    /// Socket of systemd-journald, which gets the entries with their fields instead of `file`.
    /// Empty: none. If it cannot be reached at first, `file` gets them.
    std::string journal = {};
    std::optional<Target> syslog = std::nullopt;  ///< a server that gets every line, too
    std::uint8_t facility = 3;                    ///< for the journal and syslog: "daemon"
    /// Each line begins with its priority, "<6>" (sd-daemon(3)).
    bool has_priorities = false;
    /// Counts lost lines of this log and of the further files. Called on any thread.
    std::function<void(std::uint64_t)> count_lost = nullptr;
    /// The bound of each log's queue.
    std::size_t queued_bytes_max = 8UL << 20;
    /// How many lines with the same message are written per second, except at `debug`. More are
    /// left out and counted. 0: no limit.
    std::uint32_t repeats_per_second = 50;
};

/// The socket of systemd-journald.
inline constexpr std::string_view journal_socket = "/run/systemd/journal/socket";
/// Whether standard error is the systemd journal, as `JOURNAL_STREAM` says (systemd.exec(5)).
[[nodiscard]] bool is_journal();

/// Call before the first thread starts. False if the file cannot be opened (see errno).
[[nodiscard]] bool start(const Options& options);
/// Changes level, form, targets and repeats of the running log. Lines already accepted go to the
/// old file. If the new one cannot be opened, the old one stays, and the log says so. One thread
/// may call this and `start`.
void change(const Options& options);
/// Changes the level until the next `change`. Any thread may call.
void set_level(Level level);
[[nodiscard]] Level level();
/// Writes pending lines for at most a second, then ends the writing threads. No thread may log
/// meanwhile or later.
void stop();
/// The same just before the process ends. Other threads may go on logging; their lines are lost.
void write_last();

[[nodiscard]] bool enabled(Level level);
/// Writes at most `repeats_per_second` lines with this message. The next line has the field
/// `left_out`: how many before it were not written.
void write(Level level, std::string_view message, std::span<const Field> fields);
/// Writes every line: for events that no peer can cause at will, such as a change of a backend's
/// state.
void write_each(Level level, std::string_view message, std::span<const Field> fields);
inline void write_each(Level level, std::string_view message,
                       std::initializer_list<Field> fields = {}) {
    write_each(level, message, std::span(fields.begin(), fields.size()));
}
/// For events that anybody can easily repeat: one line per second with this message and `kind`.
/// `kind` must not come from a peer.
void write_seldom(Level level, std::string_view message, std::string_view kind,
                  std::span<const Field> fields);
inline void write_seldom(Level level, std::string_view message, std::string_view kind,
                         std::initializer_list<Field> fields) {
    write_seldom(level, message, kind, std::span(fields.begin(), fields.size()));
}
/// Reports left-out lines that no written line has reported since. Call it once a second.
void tell_left_out();
inline void write(Level level, std::string_view message, std::initializer_list<Field> fields = {}) {
    write(level, message, std::span(fields.begin(), fields.size()));
}

inline void error(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::error, message, fields);
}
inline void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::warning, message, fields);
}
inline void info(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::info, message, fields);
}
inline void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::debug, message, fields);
}
/// Logs an error with the reason of an exception that ends here. Logs nothing if there is no memory
/// for the line.
void caught(std::string_view message, const std::exception& problem) noexcept;

/// Opens a further file with its own thread, which writes lines as they are: the transfer logs. If
/// the log of this name is open, its lines go to this file from now on. False if a
/// first file cannot be opened (see errno); an open log keeps its old file then, and says so.
[[nodiscard]] bool open_file(std::string_view name, const std::string& path);
/// Its pending lines are written for at most a second.
void close_file(std::string_view name);
[[nodiscard]] bool has_file(std::string_view name);
void write_line(std::string_view name, std::string_view line);
/// Opens all targets again by name, for logrotate. Lines already accepted go to the old files,
/// unless a file is stuck.
void reopen();

/// The JSON object of these fields, without a line end. Long texts are cut, as in a log line.
[[nodiscard]] std::string json_object(std::initializer_list<Field> fields);

}  // namespace ballast::log
