// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/backend.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ballast::pool {

/// What counts of a backend when sessions are shared out.
struct Load {
    BackendId id = 0;
    std::uint32_t weight = 0;  ///< 0: its sessions belong to others
    std::int64_t sessions = 0;
    std::optional<std::uint32_t> limit = {};  ///< of sessions
    bool can_give = true;
};

/// How many of all these sessions each should have: by its weight, but no more than its limit as
/// long as others have none.
[[nodiscard]] std::vector<double> fair_shares(std::span<const Load> loads);

/// A session that should move.
struct Shift {
    BackendId from = 0;
    BackendId to = 0;

    friend bool operator==(const Shift&, const Shift&) = default;
};
/// From the one that has most above its share to the one that has least. Each has at least one
/// session too many or too few, and one of them is clearly off: by more than a session and a tenth
/// of its share, or by one if it should have none. So shifts come to an end. Empty: there is
/// nothing to shift.
[[nodiscard]] std::optional<Shift> next_shift(std::span<const Load> loads);

}  // namespace ballast::pool
