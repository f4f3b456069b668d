// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_time.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

namespace ballast::migrate {

std::optional<config::Duration> seconds_in(std::string_view text, config::Duration longest) {
    double seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stopped != end || !std::isfinite(seconds) || seconds <= 0)
        return std::nullopt;
    using Seconds = std::chrono::duration<double>;
    const auto time = std::min(Seconds(seconds), Seconds(longest));
    return std::max(std::chrono::round<config::Duration>(time), config::Duration(1));
}

}  // namespace ballast::migrate
