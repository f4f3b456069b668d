// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ballast::balance {

/// All a policy may know about a backend: a copy made for this decision. No locks, no sockets.
struct Candidate {
    std::uint64_t id;         ///< stable across reloads: hash of the configured name and address
    std::uint32_t weight;     ///< 1..256
    std::uint32_t sessions;   ///< seats taken
    std::uint32_t transfers;  ///< transfers running now
};

/// What a policy may know about the client.
struct Client {
    std::uint64_t affinity_key = 0;  ///< hash of address or user name, as configured
};

/// Chooses among usable backends only: unhealthy, draining, full and already tried ones were taken
/// out before. So a policy is arithmetic, and failover means asking with a shorter list. A policy
/// belongs to one pool and is called under that pool's lock.
class Policy {
public:
    virtual ~Policy() = default;
    /// Index into `ready`, which is never empty.
    virtual std::size_t pick(std::span<const Candidate> ready, const Client& client) = 0;
};

}  // namespace ballast::balance
