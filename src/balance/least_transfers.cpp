// SPDX-License-Identifier: Apache-2.0
#include "balance/least_transfers.h"

#include <cassert>
#include <compare>
#include <vector>

namespace ballast::balance {

namespace {

/// Load for the weight, compared crosswise: no division, no rounding, no overflow in 64 bits.
std::strong_ordering compare(const Candidate& a, const Candidate& b) {
    const auto cross = [&](std::uint32_t of_a, std::uint32_t of_b) {
        return std::uint64_t{of_a} * b.weight <=> std::uint64_t{of_b} * a.weight;
    };
    const auto by_transfers = cross(a.transfers, b.transfers);
    return by_transfers != 0 ? by_transfers : cross(a.sessions, b.sessions);
}

}  // namespace

std::size_t LeastTransfers::pick(std::span<const Candidate> ready, const Client& client) {
    assert(!ready.empty());
    std::vector<std::size_t> least;
    std::vector<Candidate> equals;
    for (std::size_t i = 0; i < ready.size(); ++i) {
        const auto order =
            least.empty() ? std::strong_ordering::equal : compare(ready[i], equals.front());
        if (order > 0) continue;
        if (order < 0) {
            least.clear();
            equals.clear();
        }
        least.push_back(i);
        equals.push_back(ready[i]);
    }
    return least[turns_.pick(equals, client)];
}

}  // namespace ballast::balance
