// SPDX-License-Identifier: Apache-2.0
#include "balance/least.h"

#include <cassert>

namespace ballast::balance {

std::strong_ordering compare_for_weight(std::uint64_t a, std::uint32_t a_weight, std::uint64_t b,
                                        std::uint32_t b_weight) {
    assert(a_weight > 0 && b_weight > 0);
    // Whole parts first: then both factors of each product are below 2^32.
    const auto whole = a / a_weight <=> b / b_weight;
    return whole != 0 ? whole : a % a_weight * b_weight <=> b % b_weight * a_weight;
}

std::size_t Least::pick(std::span<const Candidate> ready, const Client& client) {
    assert(!ready.empty());
    places_.clear();
    equals_.clear();
    for (std::size_t i = 0; i < ready.size(); ++i) {
        const auto order =
            equals_.empty() ? std::strong_ordering::equal : order_(ready[i], equals_.front());
        if (order > 0) continue;
        if (order < 0) {
            places_.clear();
            equals_.clear();
        }
        places_.push_back(i);
        equals_.push_back(ready[i]);
    }
    return places_[turns_.pick(equals_, client)];
}

}  // namespace ballast::balance
