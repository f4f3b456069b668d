// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

namespace ballast::balance {

/// The first in the order of the file: it gets sessions up to its `max_sessions`, then the next one
/// does. The pool has taken out full ones. Weights mean nothing here.
class First final : public Policy {
public:
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;
};

}  // namespace ballast::balance
