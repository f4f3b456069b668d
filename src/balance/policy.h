// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ballast::balance {

/// All a policy may know about a backend: a copy made for this decision. No locks, no sockets.
struct Candidate {
    std::uint64_t id = 0;        ///< stable across reloads: hash of the configured name and address
    std::uint32_t weight = 1;    ///< 1..2^24, relative to the others
    std::uint32_t sessions = 0;  ///< seats taken
    std::uint32_t transfers = 0;           ///< transfers running now
    std::uint64_t bytes_per_second = 0;    ///< moved by its transfers now, both directions
    std::uint64_t login_microseconds = 0;  ///< a moving average; 0: not known
};

/// What a policy may know about the client.
struct Client {
    std::uint64_t source = 0;  ///< hash of the address; the same on every balancer
    std::uint64_t user = 0;    ///< hash of the user name, likewise
};

/// Chooses among usable backends only: the pool has taken out those that are down, full or already
/// tried. So a policy is arithmetic, and failover means asking again with a shorter list. A policy
/// belongs to one pool and is called under that pool's lock. Its row is in policies.h.
class Policy {
public:
    virtual ~Policy() = default;
    /// Index into `ready`, which is never empty. Candidates stand in the order of the file.
    virtual std::size_t pick(std::span<const Candidate> ready, const Client& client) = 0;
};

}  // namespace ballast::balance
