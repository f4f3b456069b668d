// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"

#include <cstddef>
#include <string_view>
#include <vector>

/// RFC 854 as far as a control connection knows it (RFC 959 4.1.3). Text only; any thread.
namespace ballast::ftp {

/// Length of the Telnet command at the front in bytes, 0 if there is none: two bytes (IAC IP, IAC
/// DM), three for an option, more for a subnegotiation. The text may end in its middle. IAC IAC,
/// and IAC before an ordinary byte, are no commands.
[[nodiscard]] std::size_t telnet_length(std::string_view text);

/// What servers may make of an argument: the argument itself first, and where 0xFF is in it, what
/// is left of it in the hands of servers that take Telnet commands out of names, each in its own
/// way (BSD's ftpd, inetutils, ProFTPD), or only undo the doubling of 0xFF. A rule that forbids
/// something must hold for all of them.
[[nodiscard]] std::vector<base::WipedString> telnet_readings(std::string_view argument);

/// The argument without Telnet commands, 0xFF no longer doubled: equal for two spellings of the
/// same name.
[[nodiscard]] base::WipedString without_telnet(std::string_view argument);

}  // namespace ballast::ftp
