// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <random>

namespace ballast::balance {

/// The power of two choices: two different candidates are drawn, each with the chance that its
/// weight gives it, and the one with fewer sessions for its weight is chosen.
///
/// That keeps shares by weight. Between equals the first that was drawn wins, so as long as loads
/// are in proportion every choice is one plain draw by weight. When they are not, a group of
/// candidates is chosen at least when both draws fall into it, and that is never more often than
/// its share: so the comparison always can make up for a difference, and does. (Drawing both and
/// comparing without weights would give a light one of three too much, drawing them evenly as
/// well.)
class Random final : public Policy {
public:
    explicit Random(std::uint64_t seed) : random_(seed) {}
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    std::mt19937_64 random_;
};

}  // namespace ballast::balance
