// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// A server's text for logs, without what might be the password in it: each word that holds the
/// secret or four characters of it, or is a part of it, becomes `***`, whatever the case of its
/// letters and however a server reads Telnet commands in the secret. An empty secret hides nothing.
/// The text is cut after `loggable_text_max` bytes. Any thread.
inline constexpr std::size_t loggable_text_max = 512;
[[nodiscard]] std::string without_secret(std::string_view text, std::string_view secret);

}  // namespace ballast::ftp
