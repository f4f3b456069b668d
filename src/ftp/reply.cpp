// SPDX-License-Identifier: Apache-2.0
#include "ftp/reply.h"

#include "ftp/telnet.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <utility>

namespace ballast::ftp {

namespace {

constexpr std::size_t code_digits = 3;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Removes the line at the front and returns it without its end. There must be an LF.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    assert(end != std::string_view::npos);
    auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    while (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

/// `lines` are whole lines.
std::size_t begin_of_last_line(std::string_view lines) {
    lines.remove_suffix(1);
    return lines.rfind('\n') + 1;  // npos + 1 is 0
}

/// ProFTPD 1.3 and inetutils-ftpd answer IAC WILL and IAC DO in a name as Telnet does, before their
/// reply: "<IAC DONT option>250 OK".
std::string_view behind_telnet(std::string_view line) {
    while (const auto length = telnet_length(line)) line.remove_prefix(length);
    return line;
}

/// RFC 959 4.2: three digits, the first from 1 to 5. With a fourth digit it is not a code.
std::uint16_t leading_code(std::string_view line) {
    if (line.size() < code_digits) return 0;
    if (!std::ranges::all_of(line.substr(0, code_digits), is_digit)) return 0;
    if (line[0] < '1' || line[0] > '5') return 0;
    if (line.size() > code_digits && is_digit(line[code_digits])) return 0;
    return static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 +
                                      (line[2] - '0'));
}

/// A last line: the code and a space, or (seen with mod_proxy) only the code.
bool may_be_last(std::string_view line) {
    return leading_code(line) != 0 && (line.size() == code_digits || line[code_digits] == ' ');
}

bool ends_reply(std::string_view line, std::uint16_t code) {
    return may_be_last(line) && leading_code(line) == code;
}

bool opens_several_lines(std::string_view line) {
    return line.size() > code_digits && line[code_digits] == '-';
}

/// The text of a first or last line, behind the code and the mark.
std::string_view behind_code(std::string_view line) {
    line.remove_prefix(code_digits);
    if (line.starts_with(' ') || line.starts_with('-')) line.remove_prefix(1);
    return line;
}

/// Which ends of a reply a group of lines has.
struct Part {
    bool has_first = true;
    bool has_last = true;
};

/// Writes whole lines of a reply with the code `code`. A strict reader finds the end in the same
/// place as this parser.
std::string rewritten(std::string_view lines, std::uint16_t code, Part part = {}) {
    std::string text;
    text.reserve(lines.size() + 8);
    std::string_view line;
    if (part.has_first) {
        while (line.empty()) line = behind_telnet(take_line(lines));
        if (!lines.empty() || !part.has_last)
            fmt::format_to(std::back_inserter(text), "{}-{}\r\n", code, behind_code(line));
    }
    while (!lines.empty()) {
        line = take_line(lines);
        if (lines.empty() && part.has_last) break;
        if (ends_reply(line, code)) text += ' ';
        text.append(line).append("\r\n");
    }
    if (part.has_last)
        fmt::format_to(std::back_inserter(text), "{} {}\r\n", code, behind_code(line));
    return text;
}

std::string on_one_line(std::string_view text) {
    std::string line(text);
    std::ranges::replace_if(line, [](char c) { return c == '\r' || c == '\n'; }, ' ');
    return line;
}

}  // namespace

std::string_view Reply::message() const {
    std::string_view last = text;
    while (last.ends_with('\n') || last.ends_with('\r')) last.remove_suffix(1);
    if (const auto end = last.rfind('\n'); end != std::string_view::npos)
        last.remove_prefix(end + 1);
    last.remove_prefix(std::min(last.size(), code_digits + 1));
    return last;
}

Reply make_reply(std::uint16_t code, std::string_view text) {
    assert(code >= 100 && code <= 599);
    return {code, fmt::format("{} {}\r\n", code, on_one_line(text))};
}

Reply make_reply(std::uint16_t code, std::string_view first, const std::string& inner_lines,
                 std::string_view last) {
    assert(code >= 100 && code <= 599);
    auto lines = fmt::format("{}-{}\r\n{}", code, on_one_line(first), inner_lines);
    if (!lines.ends_with('\n')) lines += "\r\n";
    fmt::format_to(std::back_inserter(lines), "{} {}\r\n", code, on_one_line(last));
    return {code, rewritten(lines, code)};
}

ReplyParser::Step ReplyParser::finished(std::size_t consumed,
                                        std::expected<Reply, ReplyError> outcome) {
    scanned_ = 0;
    code_ = 0;
    is_partly_taken_ = false;
    return {consumed, std::move(outcome)};
}

ReplyParser::Step ReplyParser::next(std::string_view received) {
    assert(scanned_ <= received.size());
    for (;;) {
        const auto line_limit = scanned_ + line_bytes_max_;
        const auto limit = std::min(line_limit, reply_bytes_max_);
        const auto end = received.find('\n', scanned_);
        const bool whole_line = end != std::string_view::npos;
        // An unfinished line still lacks its LF, so it may have one byte less than the limit.
        if (whole_line ? end >= limit : received.size() >= limit)
            return finished(
                std::min(limit, received.size()),
                std::unexpected(line_limit <= reply_bytes_max_ ? ReplyError::line_too_long
                                                               : ReplyError::reply_too_long));
        if (!whole_line) return {0, std::nullopt};

        auto rest = received.substr(scanned_, end + 1 - scanned_);
        auto line = take_line(rest);
        scanned_ = end + 1;
        if (code_ == 0) {
            line = behind_telnet(line);
            if (line.empty()) continue;  // ignore empty lines between replies
            code_ = leading_code(line);
            if (code_ == 0) return finished(scanned_, std::unexpected(ReplyError::bad_code));
            if (opens_several_lines(line)) continue;
        } else if (!ends_reply(line, code_)) {
            // RFC 959 4.2: an inner line may begin with anything, even another code.
            continue;
        }
        const Part part{.has_first = !is_partly_taken_, .has_last = true};
        return finished(scanned_,
                        Reply{code_, rewritten(received.substr(0, scanned_), code_, part)});
    }
}

ReplyParser::Lines ReplyParser::take_lines(std::string_view received) {
    if (code_ == 0) return {};
    auto whole = received.substr(0, scanned_);
    if (may_settle(received)) {
        // A reply that may be complete needs the code of its last line.
        if (!is_partly_taken_) return {};
        whole = whole.substr(0, begin_of_last_line(whole));
    }
    if (whole.empty()) return {};
    scanned_ -= whole.size();
    const Part part{.has_first = !std::exchange(is_partly_taken_, true), .has_last = false};
    return {whole.size(), rewritten(whole, code_, part)};
}

bool ReplyParser::is_inside(std::string_view received) const {
    if (code_ != 0) return true;
    constexpr char telnet_iac = '\xff';
    for (;;) {
        received.remove_prefix(std::min(received.find_first_not_of("\r\n"), received.size()));
        const auto length = telnet_length(received);
        if (length == 0) return !received.empty() && received.front() != telnet_iac;
        received.remove_prefix(length);
    }
}

bool ReplyParser::may_settle(std::string_view received) const {
    if (code_ == 0 || received.empty() || scanned_ != received.size()) return false;
    const auto last_begin = begin_of_last_line(received);
    // The first line cannot also be the last one.
    if (last_begin == 0 && !is_partly_taken_) return false;
    received.remove_prefix(last_begin);
    return may_be_last(take_line(received));
}

ReplyParser::Step ReplyParser::settle(std::string_view received) {
    if (!may_settle(received)) return {0, std::nullopt};
    const Part part{.has_first = !is_partly_taken_, .has_last = true};
    const auto code =
        is_partly_taken_ ? code_ : leading_code(received.substr(begin_of_last_line(received)));
    return finished(received.size(), Reply{code, rewritten(received, code, part)});
}

}  // namespace ballast::ftp
