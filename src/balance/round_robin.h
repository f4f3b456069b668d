// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <cstdint>
#include <unordered_map>

namespace ballast::balance {

/// Smooth weighted round robin: every pick gives each candidate its weight in credit. The candidate
/// with the most credit is chosen and pays the sum of all weights. In any run of picks each
/// candidate has its share, and the picks of a heavy one are spread among the others. Credit is
/// kept by id, so candidates may come, go and stand in any order.
class RoundRobin final : public Policy {
public:
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    struct Account {
        std::int64_t credit = 0;
        std::uint64_t last_pick = 0;  ///< the latest pick it was ready for
        std::uint32_t weight = 0;     ///< as it was then
    };

    void settle_absent();

    std::unordered_map<std::uint64_t, Account> accounts_;
    std::uint64_t picks_ = 0;
};

}  // namespace ballast::balance
