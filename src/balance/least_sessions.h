// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/least.h"

namespace ballast::balance {

/// The candidate with the fewest sessions for its weight; equals in turn.
class LeastSessions final : public Policy {
public:
    LeastSessions();
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    Least least_;
};

}  // namespace ballast::balance
