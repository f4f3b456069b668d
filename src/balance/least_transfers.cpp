// SPDX-License-Identifier: Apache-2.0
#include "balance/least_transfers.h"

namespace ballast::balance {

namespace {

std::strong_ordering order(const Candidate& a, const Candidate& b) {
    const auto by_transfers = compare_for_weight(a.transfers, a.weight, b.transfers, b.weight);
    if (by_transfers != 0) return by_transfers;
    return compare_for_weight(a.sessions, a.weight, b.sessions, b.weight);
}

}  // namespace

LeastTransfers::LeastTransfers() : least_(order) {}

std::size_t LeastTransfers::pick(std::span<const Candidate> ready, const Client& client) {
    return least_.pick(ready, client);
}

}  // namespace ballast::balance
