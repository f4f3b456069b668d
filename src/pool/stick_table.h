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
/// has sessions its entry stays, unless the table is full and it is the one unused for longest.
///
/// A client has had a backend once it has logged in there. Until then its seat is an attempt:
/// others of the same client follow it, but when it fails nothing is left of it. Not thread-safe;
/// belongs to a pool and its lock.
class StickTable {
public:
    using Key = std::uint64_t;      ///< hash of the client's network or user; 0 sticks to nothing
    using Backend = std::uint64_t;  ///< id
    struct Binding {
        Backend backend = 0;
        bool has_logged_in = false;  ///< else it is an attempt
    };

    StickTable(std::chrono::milliseconds timeout, std::size_t entries_max)
        : timeout_(timeout), entries_max_(entries_max) {}

    /// Empty if it has none, or has had no session for too long.
    [[nodiscard]] std::optional<Binding> find(Key key, loop::Time now);
    /// Every attempt ends in one of the two others, every session in `session_ended`.
    void attempt_began(Key key, Backend backend, loop::Time now);
    void attempt_failed(Key key, Backend backend);
    void logged_in(Key key, Backend backend, loop::Time now);
    void session_ended(Key key, Backend backend, loop::Time now);
    [[nodiscard]] std::size_t size() const { return places_.size(); }

private:
    /// Seats at one backend; those of the client's former backends are no longer counted.
    struct Seats {
        Backend backend = 0;
        std::uint32_t count = 0;

        void add(Backend to);
        void remove(Backend from);
    };
    struct Entry {
        Key key = 0;
        std::optional<Seats> sessions;  // where it has logged in
        Seats attempts;
        loop::Time last_used;
    };
    using Entries = std::list<Entry>;  // the latest used in front
    [[nodiscard]] bool is_over(const Entry& entry, loop::Time now) const;
    [[nodiscard]] Entry& use(Key key, loop::Time now);
    void bound_size();

    std::chrono::milliseconds timeout_;
    std::size_t entries_max_;
    Entries entries_;
    std::unordered_map<Key, Entries::iterator> places_;
};

}  // namespace ballast::pool
