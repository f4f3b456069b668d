// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/least.h"

namespace ballast::balance {

/// The candidate with the fewest running transfers for its weight; among equals the one with the
/// fewest sessions for its weight; then in turn.
class LeastTransfers final : public Policy {
public:
    LeastTransfers();
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    Least least_;
};

}  // namespace ballast::balance
