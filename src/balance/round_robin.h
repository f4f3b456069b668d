// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <cstdint>
#include <unordered_map>

namespace ballast::balance {

/// Smooth weighted round robin: every pick gives each candidate its weight in credit, the one with
/// most credit is chosen and pays the weights of all. In any row of picks each has its share, and
/// a heavy one is not chosen in one go but spread among the others. State is kept by id, so
/// candidates may come, go and stand in any order.
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
