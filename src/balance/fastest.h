// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/round_robin.h"

#include <vector>

namespace ballast::balance {

/// The candidate that will probably log the next client in soonest. Its cost is
/// time * (sessions + 1) / weight: the time is measured only when a login ends, so the sessions
/// chosen since must count, or a burst of clients would all go to the one that was fastest before
/// it. With equal times and weights this is the fewest sessions; twice as slow is worth half the
/// sessions. Who costs at most a tenth more than the cheapest is its equal; equals are chosen in
/// turn, as measured times always differ a little.
///
/// Whose time is not known and who has no session is tried first, so that it becomes known; but not
/// again within as many picks as there are candidates, or one where every login fails would be
/// everybody's choice. Otherwise it counts as slow as the slowest whose time is known.
class Fastest final : public Policy {
public:
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    struct Trial {
        std::uint64_t id = 0;
        std::uint64_t pick = 0;
    };

    bool may_try(const Candidate& candidate, std::size_t ready_count);

    RoundRobin turns_;
    std::uint64_t picks_ = 0;
    std::vector<Trial> trials_;
    // Of one pick only; kept so that a pick need not allocate.
    std::vector<double> costs_;
    std::vector<std::size_t> places_;
    std::vector<Candidate> equals_;
};

}  // namespace ballast::balance
