// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::guard {

/// Why a command is refused.
struct CommandRefusal {
    std::uint16_t code = 0;
    std::string text;
};

/// Judges a command by the listener's `deny_commands`, `allow_commands`, `deny_arguments`,
/// `allow_arguments`, `read_only` and `anonymous`. Empty if it is allowed. `verb` is in upper case.
/// `allow_commands` always includes the commands that begin and end a session and set up data
/// connections.
[[nodiscard]] std::optional<CommandRefusal> refusal_of(const config::Listener& listener,
                                                       std::string_view verb,
                                                       std::string_view argument);

}  // namespace ballast::guard
