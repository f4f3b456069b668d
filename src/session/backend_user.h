// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <span>
#include <string>
#include <string_view>

namespace ballast::session {

/// The name that a pool's backends get for the client's `user`. Without a matching rule it stays
/// the same. Rules match like routes, with or without Telnet commands in the name.
[[nodiscard]] std::string backend_user(std::span<const config::UserRule> rules,
                                       std::string_view user);

}  // namespace ballast::session
