// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstddef>
#include <cstdint>
#include <memory>

namespace ballast::guard {

/// The limits in force: those of the configuration, and Ballast's own where it says none.
struct Rules {
    std::shared_ptr<const config::Limits> limits;
    std::uint32_t sessions_max = 0;  ///< the effective value of `limits.sessions`
    std::size_t memory_max = 0;      ///< the same of `limits.memory`, in bytes

    [[nodiscard]] std::uint32_t sessions_per_address() const;
    /// The same at this listener.
    [[nodiscard]] std::uint32_t sessions_per_address(const config::Listener& listener) const;
    [[nodiscard]] std::uint32_t session_rate_per_address() const;
    /// How many connections above `sessions_max` may exist for a moment: those not judged yet, and
    /// those recalled but not ended yet.
    [[nodiscard]] std::uint32_t spare_sessions() const;
};

/// The default share of one client in something that all share, so that nobody takes it all.
[[nodiscard]] std::uint32_t share_of(std::uint32_t all);

}  // namespace ballast::guard
