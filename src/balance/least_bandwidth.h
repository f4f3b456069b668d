// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/least.h"

namespace ballast::balance {

/// The candidate that moves the fewest bytes per second for its weight. Among equals, the one with
/// the fewest transfers for its weight, then the one with the fewest sessions for it, then in turn.
/// So while rates are equal, above all while nothing moves, choices made since the last measurement
/// count too.
class LeastBandwidth final : public Policy {
public:
    LeastBandwidth();
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    Least least_;
};

}  // namespace ballast::balance
