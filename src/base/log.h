// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// Log lines for operators: one sentence and named fields, as readable text or as JSON. May be
/// called from any thread and never waits for a file, a pipe or a disk: each log has a thread of
/// its own that writes. When it cannot keep up, the oldest lines are lost and counted, and the log
/// says how many as soon as it can. A line's length is bounded: long texts are cut. Passwords are
/// never given to it.
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
    /// Each line begins with its priority, "<6>" (sd-daemon(3)).
    bool has_priorities = false;
    /// Counts lines that were lost, of this log and of the further files. Called on any thread.
    std::function<void(std::uint64_t)> count_lost = nullptr;
    /// What may wait to be written, for each log.
    std::size_t queued_bytes_max = 8UL << 20;
    /// Lines with one message within a second, `debug` apart; more are left out and counted. 0:
    /// all.
    std::uint32_t repeats_per_second = 50;
};

/// Whether standard error is the systemd journal, as `JOURNAL_STREAM` says (systemd.exec(5)).
[[nodiscard]] bool is_journal();

/// Before the first thread is started. False if the file cannot be opened (see errno).
[[nodiscard]] bool start(const Options& options);
/// Writes what is pending, for a second at most, and ends the writing threads. No thread may log
/// meanwhile, or later.
void stop();
/// The same where other threads go on and may log meanwhile, for the process ends at once: what
/// they say from now on is lost.
void write_last();

[[nodiscard]] bool enabled(Level level);
/// Of lines with this message no more than `repeats_per_second` are written. The next one has
/// `left_out`: how many before it were not.
void write(Level level, std::string_view message, std::span<const Field> fields);
/// Each of them is written: for what no peer can cause at will, such as a change of a backend's
/// state.
void write_each(Level level, std::string_view message, std::span<const Field> fields);
inline void write_each(Level level, std::string_view message,
                       std::initializer_list<Field> fields = {}) {
    write_each(level, message, std::span(fields.begin(), fields.size()));
}
/// For what anybody can make repeat without effort: one line a second with this message
/// and `kind`, which must not come from a peer.
void write_seldom(Level level, std::string_view message, std::string_view kind,
                  std::span<const Field> fields);
inline void write_seldom(Level level, std::string_view message, std::string_view kind,
                         std::initializer_list<Field> fields) {
    write_seldom(level, message, kind, std::span(fields.begin(), fields.size()));
}
/// Tells what was left out and has not been followed by a line that is written. To be called once a
/// second.
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
/// An error with the reason of an exception that goes no further. When there is no memory even for
/// the line, nothing is said.
void caught(std::string_view message, const std::exception& problem) noexcept;

/// Opens a further file whose lines are written as they are, by a thread of its own: the transfer
/// logs. False if the file cannot be opened (see errno).
[[nodiscard]] bool open_file(std::string_view name, const std::string& path);
[[nodiscard]] bool has_file(std::string_view name);
void write_line(std::string_view name, std::string_view line);
/// Opens all files again by their names, for logrotate. Lines already accepted go to the old ones,
/// but for a file that is stuck.
void reopen();

/// The JSON object of these fields, without a line end. Long texts are cut, as in a log line.
[[nodiscard]] std::string json_object(std::initializer_list<Field> fields);

}  // namespace ballast::log
