// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ftp/reply.h"
#include "loop/loop.h"

#include <chrono>

namespace ballast::session {

/// Replies that end no transfer (RFC 959 5.4): while a STAT is unanswered they answer it. Servers
/// say 200, 202, 211 to 213 and 220, or that they do not know STAT.
[[nodiscard]] bool is_status_code(std::uint16_t code);
/// Replies that end a transfer and answer no STAT, unless a 1xx came before them.
[[nodiscard]] bool ends_transfer(std::uint16_t code);

/// How long a server may take to hear ABOR before its data is reset.
inline constexpr auto abort_time = std::chrono::milliseconds(250);

}  // namespace ballast::session
