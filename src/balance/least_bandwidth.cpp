// SPDX-License-Identifier: Apache-2.0
#include "balance/least_bandwidth.h"

namespace ballast::balance {

namespace {

std::strong_ordering order(const Candidate& a, const Candidate& b) {
    const auto by_bytes =
        compare_for_weight(a.bytes_per_second, a.weight, b.bytes_per_second, b.weight);
    if (by_bytes != 0) return by_bytes;
    const auto by_transfers = compare_for_weight(a.transfers, a.weight, b.transfers, b.weight);
    if (by_transfers != 0) return by_transfers;
    return compare_for_weight(a.sessions, a.weight, b.sessions, b.weight);
}

}  // namespace

LeastBandwidth::LeastBandwidth() : least_(order) {}

std::size_t LeastBandwidth::pick(std::span<const Candidate> ready, const Client& client) {
    return least_.pick(ready, client);
}

}  // namespace ballast::balance
