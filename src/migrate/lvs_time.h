// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/limits.h"

#include <optional>
#include <string_view>

namespace ballast::migrate {

/// Seconds, with decimals; at least a millisecond and at most `longest`. Empty if the text
/// is not a number above 0: LVS and keepalived take 0 for a time that is not set.
[[nodiscard]] std::optional<config::Duration> seconds_in(
    std::string_view text, config::Duration longest = config::time_max);

}  // namespace ballast::migrate
