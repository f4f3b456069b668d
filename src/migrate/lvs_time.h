// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <optional>
#include <string_view>

namespace ballast::migrate {

/// Seconds, with decimals, as milliseconds; at least `least` and at most a day. Empty if the text
/// is not a number.
[[nodiscard]] std::optional<config::Duration> seconds_in(
    std::string_view text, config::Duration least = config::Duration(1));

}  // namespace ballast::migrate
