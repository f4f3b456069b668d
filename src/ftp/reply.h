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
    std::string text;  ///< as to be sent on: every line with CRLF, the last one "ddd ..."

    [[nodiscard]] int kind() const { return code / 100; }
    [[nodiscard]] bool is_preliminary() const { return kind() == 1; }
    [[nodiscard]] bool is_positive() const { return kind() == 2; }
    [[nodiscard]] bool is_negative() const { return kind() >= 4; }
    /// The last line without its code and CRLF: for logs and for passing a reason on.
    [[nodiscard]] std::string_view message() const;

    friend bool operator==(const Reply&, const Reply&) = default;
};

/// "ddd text\r\n". Bytes that would end the line are replaced by spaces.
[[nodiscard]] Reply make_reply(std::uint16_t code, std::string_view text);
/// "ddd-first\r\n line\r\n ...ddd last\r\n", the form of FEAT (RFC 2389 3.2).
[[nodiscard]] Reply make_reply(std::uint16_t code, std::string_view first,
                               const std::string& inner_lines, std::string_view last);

enum class ReplyError : std::uint8_t { line_too_long, reply_too_long, bad_code };

/// Finds the reply at the front of a receive buffer. No I/O; restartable at any byte. Tolerates
/// what servers do: a bare LF as line end, a last line of three digits without the space, an inner
/// line that begins with any digits, Telnet commands in front of a reply.
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

    /// Some servers end a multi-line reply with another code than it began with. When nothing has
    /// come for a while and the buffer ends with a whole line "ddd text", this takes that line for
    /// the last one; the reply's code is that line's.
    [[nodiscard]] Step settle(std::string_view received);
    /// Whether `settle` would find a reply: worth waiting for only a short while then.
    [[nodiscard]] bool may_settle(std::string_view received) const;

    /// Whole lines of a reply whose end has not come, as to be sent on. So many bytes are to be
    /// consumed; `next` and `settle` find the rest of the reply later, under the code that it began
    /// with. A line that `settle` might take for the last one is left. For those who pass a reply
    /// on as it comes, whatever its length.
    struct Lines {
        std::size_t consumed = 0;
        std::string text;
    };
    [[nodiscard]] Lines take_lines(std::string_view received);
    /// Of the reply whose first line has come, and the last has not; 0: there is none.
    [[nodiscard]] std::uint16_t begun_code() const { return code_; }
    /// Lines of that reply have been taken away.
    [[nodiscard]] bool is_partly_taken() const { return is_partly_taken_; }

    /// Whether these bytes are the beginning of a reply, and not just empty lines and Telnet
    /// commands, whole or not, in front of one.
    [[nodiscard]] bool is_inside(std::string_view received) const;

private:
    Step finished(std::size_t consumed, std::expected<Reply, ReplyError> outcome);

    std::size_t line_bytes_max_;
    std::size_t reply_bytes_max_;
    std::size_t scanned_ = 0;       ///< bytes of whole lines seen
    std::uint16_t code_ = 0;        ///< of the first line; 0 before it
    bool is_partly_taken_ = false;  ///< the first line, and what followed it
};

}  // namespace ballast::ftp
