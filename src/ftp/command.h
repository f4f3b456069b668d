// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// One line of a client, RFC 959 4.1, without the leading Telnet commands.
struct Command {
    std::string verb;            ///< upper case
    base::WipedString argument;  ///< behind the first space, unchanged: no NUL, CR or LF
    base::WipedString line;      ///< for a backend, without CRLF: the client's own bytes

    friend bool operator==(const Command&, const Command&) = default;
};

enum class CommandError : std::uint8_t {
    too_long,        ///< the line was dropped up to its end; parsing continues behind it
    forbidden_byte,  ///< NUL, or CR inside the line: it could smuggle a second command
    not_a_command,   ///< empty, or the verb has other bytes than letters, digits, '-' and '_'
    begins_tls,      ///< a TLS handshake; the bytes behind it are not commands
};

/// Finds the commands at the front of a receive buffer. No I/O, and no copy of an incomplete line;
/// restartable at any byte. Lines end at LF; CRs right before it are dropped (RFC 1123 4.1.3
/// leniency). Telnet (RFC 854) counts only before a verb, where clients put IAC IP and IAC DM for
/// ABOR and STAT. Commands, options and a stray IAC, IP or DM (0xFF, 0xF4, 0xF2: urgent data may be
/// torn) are removed there. Behind the verb every byte belongs to the argument.
class CommandParser {
public:
    explicit CommandParser(std::size_t line_bytes_max = 8192) : line_bytes_max_(line_bytes_max) {}

    struct Step {
        std::size_t consumed = 0;  ///< bytes to drop from the front of the buffer
        /// Empty: the line is not complete; read more and call again with the rest.
        std::optional<std::expected<Command, CommandError>> command;
    };
    [[nodiscard]] Step next(std::string_view received);

private:
    std::size_t line_bytes_max_;
    std::size_t scanned_ = 0;  ///< bytes of the buffer known to hold no LF
    bool skipping_ = false;    ///< inside a line that was too long
    bool is_tls_ = false;
};

/// For display and logs: the line with bytes outside of printable ASCII escaped as `\xNN`, and the
/// argument of PASS, ACCT and ADAT replaced by `***`.
[[nodiscard]] std::string loggable(std::string_view line);
/// Whether `loggable` replaces something.
[[nodiscard]] bool holds_secret(std::string_view line);
/// Only escapes.
[[nodiscard]] std::string escaped(std::string_view bytes);

}  // namespace ballast::ftp
