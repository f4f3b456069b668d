// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

namespace ballast::balance {

/// Weighted rendezvous hashing with bounded load. Every pair of a key and a backend has a score,
/// and the key belongs to the backend with the best one. So a key moves only when its own backend
/// leaves, when one comes whose score is better, or when weights change so that another's is; and
/// neither the order of the candidates nor who was there before matters.
///
/// The score of a backend is its weight / -ln(u), u being the pair's hash as a number between 0 and
/// 1: the winner of a race of exponential clocks whose speeds are the weights, so that each wins
/// as often as its weight says. It is computed in whole numbers, because two machines' logarithms
/// may differ in the last bit and all balancers are to make the same choice.
class ConsistentHash {
public:
    /// `load_percent`: how much of its fair share of all sessions a backend may hold, in percent,
    /// before its keys go to their next best backend; 0: no bound. Where the bound decides, the
    /// choice depends on the sessions of this balancer.
    explicit ConsistentHash(std::uint32_t load_percent) : load_percent_(load_percent) {}
    [[nodiscard]] std::size_t pick(std::span<const Candidate> ready, std::uint64_t key) const;

private:
    std::uint32_t load_percent_;
};

}  // namespace ballast::balance
