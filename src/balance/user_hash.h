// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/consistent_hash.h"

namespace ballast::balance {

/// The same backend for the same user, within the bound of ConsistentHash.
class UserHash final : public Policy {
public:
    explicit UserHash(std::uint32_t load_percent) : hash_(load_percent) {}
    std::size_t pick(std::span<const Candidate> ready, const Client& client) override;

private:
    ConsistentHash hash_;
};

}  // namespace ballast::balance
