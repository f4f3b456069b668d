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

/// One line of a client, RFC 959 4.1, without the Telnet commands in front of it.
struct Command {
    std::string verb;            ///< upper case
    base::WipedString argument;  ///< behind the first space, byte for byte: no NUL, CR or LF
    base::WipedString line;      ///< what a backend is sent, without CRLF: the client's own bytes

    friend bool operator==(const Command&, const Command&) = default;
};

enum class CommandError : std::uint8_t {
    too_long,        ///< the line was dropped up to its end; parsing goes on behind it
    forbidden_byte,  ///< NUL, or CR inside the line: it could smuggle a second command
    not_a_command,   ///< empty, or the verb is no word of letters, digits, '-' and '_'
    begins_tls,      ///< a TLS handshake; nothing behind it is taken for commands
};

/// Finds the commands at the front of a receive buffer. No I/O and no copy of what is incomplete;
/// restartable at any byte. Lines end at LF, CRs right before it are dropped (RFC 1123 4.1.3
/// leniency). Telnet (RFC 854) is known in front of a verb only, where clients put IAC IP and IAC
/// DM for ABOR and STAT: commands and options vanish there, and a stray IAC, IP or DM (0xFF, 0xF4,
/// 0xF2) does too, since urgent data may be torn. Behind the verb every byte is the argument's.
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

/// For a person's eyes and for logs: the line with bytes outside of printable ASCII escaped as
/// `\xNN`, and the argument of PASS, ACCT and ADAT replaced by `***`.
[[nodiscard]] std::string loggable(std::string_view line);
/// Whether `loggable` replaces something.
[[nodiscard]] bool holds_secret(std::string_view line);
/// The escaping alone.
[[nodiscard]] std::string escaped(std::string_view bytes);

}  // namespace ballast::ftp
