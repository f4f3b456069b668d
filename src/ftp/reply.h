// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// A server's answer, RFC 959 4.2. RFC 2389 2: any reply may have several lines.
struct Reply {
    std::uint16_t code = 0;
    std::string text;  ///< ready to send: every line with CRLF, the last one "ddd ..."

    [[nodiscard]] int kind() const { return code / 100; }
    [[nodiscard]] bool is_preliminary() const { return kind() == 1; }
    [[nodiscard]] bool is_positive() const { return kind() == 2; }
    [[nodiscard]] bool is_negative() const { return kind() >= 4; }
    /// The last line without its code and CRLF, for logs and as a reason.
    [[nodiscard]] std::string_view message() const;

    friend bool operator==(const Reply&, const Reply&) = default;
};

/// "ddd text\r\n". Bytes that would end the line are replaced by spaces.
[[nodiscard]] Reply make_reply(std::uint16_t code, std::string_view text);
/// "ddd-first\r\n line\r\n ...ddd last\r\n", the form of FEAT (RFC 2389 3.2).
[[nodiscard]] Reply make_reply(std::uint16_t code, std::string_view first,
                               const std::string& inner_lines, std::string_view last);

enum class ReplyError : std::uint8_t { line_too_long, reply_too_long, bad_code };

/// Finds the reply at the front of a receive buffer. No I/O; restartable at any byte. Accepts what
/// servers send: a bare LF as line end, a last line of three digits without the space, an inner
/// line that begins with any digits, Telnet commands before a reply.
class ReplyParser {
public:
    explicit ReplyParser(std::size_t line_bytes_max = 8192, std::size_t reply_bytes_max = 65536)
        : line_bytes_max_(line_bytes_max), reply_bytes_max_(reply_bytes_max) {}

    struct Step {
        std::size_t consumed = 0;
        /// Empty: not complete; read more and call again with the whole buffer.
        std::optional<std::expected<Reply, ReplyError>> reply;
    };
    [[nodiscard]] Step next(std::string_view received);

    /// Some servers end a multi-line reply with a different code. Call this when no bytes have come
    /// for a while. If the buffer ends with a whole line "ddd text", that line counts as the last
    /// one and sets the reply's code.
    [[nodiscard]] Step settle(std::string_view received);
    /// Whether `settle` would find a reply. Then a short wait is enough.
    [[nodiscard]] bool may_settle(std::string_view received) const;

    /// Whole lines of an unfinished reply, ready to send, and how many bytes to consume. `next` and
    /// `settle` find the rest later, with the code of the first line. A line that `settle` might
    /// take for the last one is left. For callers that pass a reply on as it comes, whatever its
    /// length.
    struct Lines {
        std::size_t consumed = 0;
        std::string text;
    };
    [[nodiscard]] Lines take_lines(std::string_view received);
    /// The code of an unfinished reply whose first line has come. 0: there is none.
    [[nodiscard]] std::uint16_t begun_code() const { return code_; }
    /// Some lines of that reply have been taken.
    [[nodiscard]] bool is_partly_taken() const { return is_partly_taken_; }

    /// Whether these bytes begin a reply. Empty lines and Telnet commands, whole or not, are not
    /// part of one.
    [[nodiscard]] bool is_inside(std::string_view received) const;

private:
    Step finished(std::size_t consumed, std::expected<Reply, ReplyError> outcome);

    std::size_t line_bytes_max_;
    std::size_t reply_bytes_max_;
    std::size_t scanned_ = 0;       ///< bytes of whole lines seen
    std::uint16_t code_ = 0;        ///< of the first line; 0: no line yet
    bool is_partly_taken_ = false;  ///< the first line at least
};

}  // namespace ballast::ftp
