// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_time.h"

#include "config/limits.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <system_error>

namespace ballast::migrate {

std::optional<config::Duration> seconds_in(std::string_view text, config::Duration least) {
    double seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stopped != end || !(seconds >= 0)) return std::nullopt;
    using Seconds = std::chrono::duration<double>;
    const Seconds longest = config::time_max;
    const auto time = std::min(Seconds(seconds), longest);
    return std::max(std::chrono::round<config::Duration>(time), least);
}

}  // namespace ballast::migrate
