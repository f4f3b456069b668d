// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"

#include <cstddef>
#include <string_view>
#include <vector>

/// RFC 854, as far as a control connection uses it (RFC 959 4.1.3). Text only; any thread may call.
namespace ballast::ftp {

/// Length in bytes of the Telnet command at the front. 0: there is none. Two bytes (IAC IP, IAC
/// DM), three for an option, more for a subnegotiation. The text may end inside it. IAC IAC, and
/// IAC before an ordinary byte, are not commands.
[[nodiscard]] std::size_t telnet_length(std::string_view text);

/// How servers may read an argument: first the argument itself. If it contains 0xFF, also the
/// results of removing Telnet commands in each server's way (BSD's ftpd, inetutils, ProFTPD), or
/// only of undoing the doubled 0xFF. A rule that forbids something must hold for all of them.
[[nodiscard]] std::vector<base::WipedString> telnet_readings(std::string_view argument);
/// Whether there is a second reading.
[[nodiscard]] bool has_other_readings(std::string_view argument);

/// The argument without Telnet commands and doubled 0xFF. Two spellings of one name are equal.
[[nodiscard]] base::WipedString without_telnet(std::string_view argument);

}  // namespace ballast::ftp
