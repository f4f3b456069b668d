// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <random>

namespace ballast::balance {

/// The power of two choices: draws two different candidates by weight, and chooses the one with
/// fewer sessions for its weight.
///
/// That keeps the shares that the weights ask for. Between equals the first one drawn wins, so
/// while loads are in proportion each choice is one plain draw by weight. When a group of
/// candidates has too many sessions, it is chosen only when both draws fall into it. That happens
/// less often than its share, so the difference goes away. (Comparing without weights, or drawing
/// evenly, would give the lightest of three candidates too much.)
class Random final : public Policy {
public:
    explicit Random(std::uint64_t seed) : random_(seed) {}
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    std::mt19937_64 random_;
};

}  // namespace ballast::balance
