// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

/// Log lines for operators: one sentence and named fields, as readable text or as JSON. May be
/// called from any thread and never waits for the disk: a thread of its own writes, and when it
/// cannot keep up the oldest lines are lost and counted rather than a worker stopped. Passwords
/// are never given to it.
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
};

/// Before the first thread is started. False if the file cannot be opened (see errno).
[[nodiscard]] bool start(const Options& options);
/// Writes what is pending and ends the writing thread.
void stop();

[[nodiscard]] bool enabled(Level level);
void write(Level level, std::string_view message, std::span<const Field> fields);
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

/// Opens a further file whose lines are written as they are, by the same thread: the transfer
/// logs. An id for `write_line`, or empty if the file cannot be opened (see errno).
[[nodiscard]] bool open_file(std::string_view name, const std::string& path);
[[nodiscard]] bool has_file(std::string_view name);
void write_line(std::string_view name, std::string_view line);
/// Opens all files anew by their names, for logrotate. Lines already accepted go to the old ones.
void reopen();

/// A JSON string with quotes. Bytes that are no valid UTF-8 become \u00NN, so that names in any
/// encoding make valid JSON.
[[nodiscard]] std::string json_string(std::string_view bytes);
/// The JSON object of these fields, without a line end.
[[nodiscard]] std::string json_object(std::initializer_list<Field> fields);

}  // namespace ballast::log
