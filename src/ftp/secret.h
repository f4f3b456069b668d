// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// A server's text for logs, without parts of the password. A word becomes `***` if it contains the
/// secret or four characters of it, or is part of the secret. Case is ignored, and all readings of
/// Telnet commands in the secret count. An empty secret hides nothing. The text is cut after
/// `loggable_text_max` bytes. Any thread may call.
inline constexpr std::size_t loggable_text_max = 512;
[[nodiscard]] std::string without_secret(std::string_view text, std::string_view secret);

}  // namespace ballast::ftp
