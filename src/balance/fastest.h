// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/round_robin.h"

#include <vector>

namespace ballast::balance {

/// The candidate that will probably log the next client in soonest: the one with the lowest cost,
/// time * (sessions + 1) / weight. A login's time is known only when the login ends. So the
/// sessions count too, or a burst of clients would all go to the one that was fastest before the
/// burst. With equal times and weights this is the fewest sessions; a candidate that is twice as
/// slow gets half the sessions. Measured times always differ a little, so candidates that cost at
/// most a tenth more than the cheapest are its equals. Equals are chosen in turn.
///
/// A candidate with no known time and no session is tried first, to learn its time. It is not tried
/// again within as many picks as there are candidates, or a backend where every login fails would
/// be everybody's choice. Otherwise it counts as slow as the slowest candidate with a known time.
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
    // Scratch space of one pick; kept so that a pick does not allocate.
    std::vector<double> costs_;
    std::vector<std::size_t> places_;
    std::vector<Candidate> equals_;
};

}  // namespace ballast::balance
