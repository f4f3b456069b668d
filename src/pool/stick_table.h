// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>

namespace ballast::pool {

/// Which backend a client had: bounded, and forgotten after a time without sessions. While a client
/// has sessions its entry stays, unless the table is full and it is the one unused for longest. Not
/// thread-safe; belongs to a pool and its lock.
class StickTable {
public:
    using Key = std::uint64_t;      ///< hash of the client's network or user
    using Backend = std::uint64_t;  ///< id

    StickTable(std::chrono::milliseconds timeout, std::size_t entries_max)
        : timeout_(timeout), entries_max_(entries_max) {}

    /// Empty if it has none, or has had no session for too long.
    [[nodiscard]] std::optional<Backend> find(Key key, loop::Time now);
    void session_began(Key key, Backend backend, loop::Time now);
    void session_ended(Key key, Backend backend, loop::Time now);
    [[nodiscard]] std::size_t size() const { return places_.size(); }

private:
    struct Entry {
        Key key;
        Backend backend;
        std::uint32_t sessions;
        loop::Time last_used;
    };
    using Entries = std::list<Entry>;  // the latest used in front
    [[nodiscard]] bool is_over(const Entry& entry, loop::Time now) const {
        return entry.sessions == 0 && now - entry.last_used >= timeout_;
    }
    void use(Entries::iterator entry, loop::Time now);

    std::chrono::milliseconds timeout_;
    std::size_t entries_max_;
    Entries entries_;
    std::unordered_map<Key, Entries::iterator> places_;
};

}  // namespace ballast::pool
