// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.h"

#include "base/json.h"

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <fmt/format.h>
#include <iterator>
#include <type_traits>
#include <utility>

namespace ballast::log {

namespace {

/// Bounds of one text in a line and of all texts in it, as written. Longer ones are cut.
constexpr std::size_t value_bytes_max = 8192;
constexpr std::size_t line_bytes_max = 32768;

/// The same in a syslog message.
constexpr std::size_t syslog_value_bytes_max = 1024;
constexpr std::size_t syslog_data_bytes_max = 4096;
/// RFC 5424 6: SD-NAME and HOSTNAME.
constexpr std::size_t syslog_name_bytes_max = 32;
constexpr std::size_t syslog_host_bytes_max = 255;

std::string_view name_of(Level level) {
    switch (level) {
        case Level::error: return "error";
        case Level::warning: return "warning";
        case Level::info: return "info";
        case Level::debug: return "debug";
    }
    return "?";
}

/// RFC 3339, in UTC.
std::string time_of(std::chrono::system_clock::time_point at) {
    const auto seconds = std::chrono::system_clock::to_time_t(at);
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count() %
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

template <typename Text, typename Number>
void with_value(const Field& field, Text text, Number number) {
    std::visit(
        [&](const auto& value) {
            if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::string_view>)
                text(value);
            else
                number(value);
        },
        field.value);
}

void append_json(std::string& out, const Field& field) {
    out += base::json_string(field.name);
    out += ':';
    with_value(
        field, [&](auto text) { out += base::json_string(text, bytes_left(out)); },
        [&](auto number) { fmt::format_to(std::back_inserter(out), "{}", number); });
}

/// ` reason="no answer"`: quoted only if it must be.
void append_text(std::string& out, const Field& field, std::size_t bytes_max) {
    fmt::format_to(std::back_inserter(out), " {}=", field.name);
    with_value(
        field,
        [&](auto text) {
            const bool plain =
                !text.empty() && text.find_first_of(" \"=\\") == std::string_view::npos;
            const auto quoted = base::json_string(text, bytes_max);
            out += plain && quoted.size() == text.size() + 2 ? std::string(text) : quoted;
        },
        [&](auto number) { fmt::format_to(std::back_inserter(out), "{}", number); });
}

/// The message and its fields, without time and level.
void append_sentence(std::string& out, const Entry& entry) {
    out += entry.message;
    for (const auto& field : entry.fields) append_text(out, field, bytes_left(out));
}

// The journal

/// https://systemd.io/JOURNAL_NATIVE_PROTOCOL: a value with a line end needs its length before it.
void append_variable(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    if (value.find('\n') == std::string_view::npos) {
        out += '=';
    } else {
        out += '\n';
        for (auto [byte, left] = std::pair(0, std::uint64_t{value.size()}); byte < 8; ++byte) {
            out += static_cast<char>(left & 0xff);
            left >>= 8;
        }
    }
    out += value;
    out += '\n';
}

std::string variable_of(std::string_view field) {
    std::string name = "BALLAST_";
    for (const char c : field) name += 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

// syslog

/// RFC 5424 6.3.3 wants '"', '\' and ']' escaped, and UTF-8. Other bytes and control characters
/// are \u00NN, as everywhere in the log.
std::string parameter_value(std::string_view text) {
    const auto quoted = base::json_string(text, syslog_value_bytes_max);
    const auto inner = std::string_view(quoted).substr(1, quoted.size() - 2);
    std::string out;
    for (std::size_t i = 0; i < inner.size(); ++i) {
        if (inner[i] == ']') {
            out += "\\]";
        } else if (inner[i] == '\\') {
            out += '\\';
            out += inner[i + 1] == 'u' ? std::string_view("\\u") : inner.substr(i + 1, 1);
            ++i;
        } else {
            out += inner[i];
        }
    }
    return out;
}

/// An element of structured data. 32473 is the enterprise number for examples (RFC 5612): Ballast
/// has none of its own.
std::string structured_data(std::span<const Field> fields) {
    if (fields.empty()) return "-";
    std::string out = "[ballast@32473";
    for (const auto& field : fields) {
        if (field.name.size() > syslog_name_bytes_max) continue;
        std::string value;
        with_value(
            field, [&](auto text) { value = parameter_value(text); },
            [&](auto number) { value = fmt::format("{}", number); });
        const auto parameter = fmt::format(" {}=\"{}\"", field.name, value);
        if (out.size() + parameter.size() < syslog_data_bytes_max) out += parameter;
    }
    return out += ']';
}

/// PRINTUSASCII without spaces, or "-".
std::string host_name(std::string_view host) {
    const bool is_plain = std::ranges::all_of(host, [](char c) { return c > ' ' && c < 0x7f; });
    if (host.empty() || !is_plain || host.size() > syslog_host_bytes_max) return "-";
    return std::string(host);
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Cuts the text, but not inside a character.
void cut(std::string& text, std::size_t bytes_max) {
    constexpr std::string_view mark = "...";
    if (text.size() <= bytes_max) return;
    auto end = bytes_max - mark.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    text.resize(end);
    text += mark;
}

}  // namespace

int severity_of(Level level) {
    switch (level) {
        case Level::error: return 3;
        case Level::warning: return 4;
        case Level::info: return 6;
        case Level::debug: return 7;
    }
    return 6;
}

std::string text_line(const Entry& entry) {
    auto line = fmt::format("{} {:7} ", time_of(entry.at), name_of(entry.level));
    append_sentence(line, entry);
    return line;
}

std::string json_line(const Entry& entry) {
    std::string line = "{\"time\":" + base::json_string(time_of(entry.at));
    line += ",\"level\":" + base::json_string(name_of(entry.level));
    line += ",\"message\":" + base::json_string(entry.message, value_bytes_max);
    for (const auto& field : entry.fields) append_json(line += ',', field);
    return line += '}';
}

std::string json_object(std::initializer_list<Field> fields) {
    std::string out = "{";
    for (const auto& field : fields) {
        if (out.size() > 1) out += ',';
        append_json(out, field);
    }
    return out += '}';
}

std::string journal_entry(const Entry& entry, std::uint8_t facility) {
    std::string sentence;
    append_sentence(sentence, entry);
    std::string out;
    append_variable(out, "MESSAGE", sentence);
    append_variable(out, "PRIORITY", fmt::format("{}", severity_of(entry.level)));
    append_variable(out, "SYSLOG_FACILITY", fmt::format("{}", facility));
    append_variable(out, "SYSLOG_IDENTIFIER", "ballast");
    append_variable(out, "BALLAST_MESSAGE", entry.message);
    for (const auto& field : entry.fields) {
        const auto name = variable_of(field.name);
        with_value(
            field, [&](auto text) { append_variable(out, name, text.substr(0, value_bytes_max)); },
            [&](auto number) { append_variable(out, name, fmt::format("{}", number)); });
    }
    return out;
}

std::string syslog_line(const Entry& entry, const SyslogOrigin& origin) {
    // RFC 5424 6.4: text in UTF-8 begins with a byte order mark. Many receivers show it as it is,
    // so text that is plain ASCII has none.
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    auto line = fmt::format("<{}>1 {} {} ballast {} - {} ",
                            origin.facility * 8 + severity_of(entry.level), time_of(entry.at),
                            host_name(origin.host), origin.process, structured_data(entry.fields));
    std::string text(entry.message);
    for (const auto& field : entry.fields) append_text(text, field, syslog_value_bytes_max);
    if (!is_ascii(text)) text.insert(0, byte_order_mark);
    cut(text, syslog_bytes_max - line.size());
    return line += text;
}

}  // namespace ballast::log
