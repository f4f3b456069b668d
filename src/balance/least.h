// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/round_robin.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ballast::balance {

/// Compares a / a_weight with b / b_weight, exactly for all values. No weight is 0.
std::strong_ordering compare_for_weight(std::uint64_t a, std::uint32_t a_weight, std::uint64_t b,
                                        std::uint32_t b_weight);

/// The least of the candidates by an order. Equals are chosen in turn, in proportion to their
/// weights. All policies named least-... are made of it.
class Least {
public:
    using Order = std::strong_ordering (*)(const Candidate& a, const Candidate& b);

    explicit Least(Order order) : order_(order) {}
    std::size_t pick(std::span<const Candidate> ready, const Client& client);

private:
    Order order_;
    RoundRobin turns_;
    // Scratch space of one pick; kept so that a pick does not allocate.
    std::vector<std::size_t> places_;
    std::vector<Candidate> equals_;
};

}  // namespace ballast::balance
