// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/least.h"

namespace ballast::balance {

/// The candidate that moves the fewest bytes per second for its weight. Among equals, most of all
/// while nothing moves, the one with the fewest transfers for its weight, then the one with the
/// fewest sessions for it, then in turn: what was chosen since the rates were measured counts too,
/// where the rates are equal.
class LeastBandwidth final : public Policy {
public:
    LeastBandwidth();
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    Least least_;
};

}  // namespace ballast::balance
