// SPDX-License-Identifier: Apache-2.0
#include "guard/rules.h"

#include <algorithm>

namespace ballast::guard {

namespace {

constexpr std::uint32_t sessions_share_max = 1000;
constexpr std::uint32_t session_rate_share_max = 200;

}  // namespace

std::uint32_t share_of(std::uint32_t all) {
    constexpr std::uint32_t part = 4;  // one in so many
    constexpr std::uint32_t min = 8;
    return std::max(min, all / part);
}

std::uint32_t Rules::spare_sessions() const {
    constexpr std::uint32_t part = 8;  // one in so many
    constexpr std::uint32_t min = 16;
    constexpr std::uint32_t max = 1024;
    return std::clamp(sessions_max / part, min, max);
}

std::uint32_t Rules::session_rate_per_address() const {
    const auto share = limits->session_rate == 0
                           ? session_rate_share_max
                           : std::min(session_rate_share_max, share_of(limits->session_rate));
    return limits->session_rate_per_address.value_or(share);
}

std::uint32_t Rules::sessions_per_address() const {
    return limits->sessions_per_address.value_or(
        std::min(sessions_share_max, share_of(sessions_max)));
}

std::uint32_t Rules::sessions_per_address(const config::Listener& listener) const {
    const auto of_all = sessions_per_address();
    // By default, a listener with few sessions gives each address a part of them.
    if (limits->sessions_per_address || listener.max_sessions == 0) return of_all;
    return std::min(of_all, share_of(listener.max_sessions));
}

}  // namespace ballast::guard
