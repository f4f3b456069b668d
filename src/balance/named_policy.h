// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace ballast::balance {

/// What policies are made from. Each takes what it needs.
struct PolicyOptions {
    std::uint32_t hash_load_percent = 0;  ///< of ConsistentHash
    std::uint64_t seed = 0;               ///< of all that is drawn at random
};

/// What a policy goes by, where others have to know.
enum class DecidedBy : std::uint8_t {
    load,    ///< weights, and how busy the backends are
    source,  ///< the client's address
    user,    ///< the user's name
    order,   ///< the order of the file
};

/// A policy as the configuration knows it: a row of the table in policies.h.
struct NamedPolicy {
    std::string_view name;
    DecidedBy decided_by;
    std::unique_ptr<Policy> (*make)(const PolicyOptions& options);
    std::string_view meaning;  ///< which backend it chooses, for the manual
};

/// The row of this name; null: there is none.
[[nodiscard]] const NamedPolicy* find_policy(std::string_view name);

}  // namespace ballast::balance
