// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// A log entry in the forms that its readers want. Every form is bounded: long texts are cut. Texts
/// that are not UTF-8, or have control characters, never break a line.
namespace ballast::log {

struct Entry {
    Level level = Level::info;
    std::string_view message;
    std::span<const Field> fields;
    std::chrono::system_clock::time_point at;
};

/// The number of a level in syslog(3): error 3, warning 4, info 6, debug 7.
[[nodiscard]] int severity_of(Level level);

/// `2026-11-29T12:00:00.000000Z warning backend down backend=f1 reason="no answer"`
[[nodiscard]] std::string text_line(const Entry& entry);
/// One JSON object: time, level, message, and the fields.
[[nodiscard]] std::string json_line(const Entry& entry);

/// An entry in the native protocol of systemd-journald. MESSAGE has the message and the fields as
/// text; BALLAST_MESSAGE has the message alone, and each field is BALLAST_ and its name in upper
/// case, with its value as it is.
[[nodiscard]] std::string journal_entry(const Entry& entry, std::uint8_t facility);

/// Who logs, as RFC 5424 wants it.
struct SyslogOrigin {
    std::uint8_t facility = 3;
    std::string host;     ///< empty: not known
    std::string process;  ///< its number
};

/// An RFC 5424 message without framing, of at most `syslog_bytes_max` bytes. The fields are
/// structured data. The text has them too, because many receivers keep the text only. A field whose
/// name is too long for a parameter, or which no longer fits, is only in the text.
[[nodiscard]] std::string syslog_line(const Entry& entry, const SyslogOrigin& origin);
/// What rsyslog accepts by default.
inline constexpr std::size_t syslog_bytes_max = 8192;

}  // namespace ballast::log
