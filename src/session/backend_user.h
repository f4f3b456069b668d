// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <span>
#include <string>
#include <string_view>

namespace ballast::session {

/// The name that a pool's backends hear for the client's `user`: its own, where no rule matches.
/// Rules match as routes do, Telnet commands in the name or not.
[[nodiscard]] std::string backend_user(std::span<const config::UserRule> rules,
                                       std::string_view user);

}  // namespace ballast::session
