// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::guard {

/// Why a command goes no further.
struct CommandRefusal {
    std::uint16_t code = 0;
    std::string text;
};

/// What the listener's `deny_commands`, `allow_commands`, `deny_arguments`, `allow_arguments`,
/// `read_only` and `anonymous` say of a command; empty: nothing against it. `verb` is in upper
/// case. What a session needs to begin and to end, and to set up data connections, is never in
/// `allow_commands` and always allowed by it.
[[nodiscard]] std::optional<CommandRefusal> refusal_of(const config::Listener& listener,
                                                       std::string_view verb,
                                                       std::string_view argument);

}  // namespace ballast::guard
