// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

namespace ballast::balance {

/// Weighted rendezvous hashing with bounded load. Every pair of a key and a backend has a score,
/// and the key belongs to the backend with the best score. So a key moves only when its backend
/// leaves, or when a new backend or a changed weight brings a better score. Neither the order of
/// the candidates nor earlier candidates matter.
///
/// The score of a backend is its weight / -ln(u), where u is the pair's hash as a number between 0
/// and 1. That is a race of exponential clocks whose speeds are the weights, so each backend wins
/// in proportion to its weight. Scores are whole numbers, because the logarithms of two machines
/// may differ in the last bit and all balancers must make the same choice.
class ConsistentHash {
public:
    /// `load_percent`: how much of its fair share of all sessions a backend may hold, in percent,
    /// before its keys go to their next best backend. 0: no bound. Where the bound decides, the
    /// choice depends on the sessions of this balancer, so balancers may differ.
    explicit ConsistentHash(std::uint32_t load_percent) : load_percent_(load_percent) {}
    [[nodiscard]] std::size_t pick(std::span<const Candidate> ready, std::uint64_t key) const;

private:
    std::uint32_t load_percent_;
};

}  // namespace ballast::balance
