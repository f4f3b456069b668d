// SPDX-License-Identifier: Apache-2.0
#include "balance/random.h"

#include "balance/least.h"

#include <cassert>

namespace ballast::balance {

namespace {

/// The weights are laid end to end as a line. This is the candidate whose part holds `point`; the
/// candidate `absent` has no part.
std::size_t at_point(std::span<const Candidate> ready, std::uint64_t point, std::size_t absent) {
    std::size_t last = 0;
    for (std::size_t i = 0; i < ready.size(); ++i) {
        if (i == absent) continue;
        last = i;
        if (point < ready[i].weight) break;
        point -= ready[i].weight;
    }
    return last;
}

}  // namespace

std::size_t Random::pick(std::span<const Candidate> ready, const Client& /*client*/) {
    assert(!ready.empty());
    if (ready.size() == 1) return 0;
    std::uint64_t all_weights = 0;
    for (const auto& candidate : ready) all_weights += candidate.weight;

    // The remainder's bias is less than one part in 2^20, whatever the weights.
    const auto first = at_point(ready, random_() % all_weights, ready.size());
    const auto others = all_weights - ready[first].weight;
    const auto second = at_point(ready, random_() % others, first);
    const auto& a = ready[first];
    const auto& b = ready[second];
    return compare_for_weight(b.sessions, b.weight, a.sessions, a.weight) < 0 ? second : first;
}

}  // namespace ballast::balance
