// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::pool {

/// Remembers which backend each client had. An entry expires some time after the client's last
/// session. The table is bounded: when it is full, the entry unused for longest goes, even if its
/// client has sessions.
///
/// A client has had a backend once it has logged in there. Until then its seat is an attempt: other
/// sessions of the client follow it, but an attempt that fails leaves nothing behind. Not
/// thread-safe; belongs to a pool and its lock.
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
    /// Holds for the entries that there are, too.
    void configure(std::chrono::milliseconds timeout, std::size_t entries_max);

    /// Empty if there is no entry, or it has expired.
    [[nodiscard]] std::optional<Binding> find(Key key, loop::Time now);
    /// Every attempt ends in `attempt_failed` or `logged_in`, and every session after `logged_in`
    /// in `session_ended`.
    /// `who` is what the key was made from, for operators.
    void attempt_began(Key key, std::string_view who, Backend backend, loop::Time now);
    void attempt_failed(Key key, Backend backend);
    void logged_in(Key key, Backend backend, loop::Time now);
    void session_ended(Key key, Backend backend, loop::Time now);
    [[nodiscard]] std::size_t size() const { return places_.size(); }

    struct Remembered {
        Key key = 0;
        std::string who;
        Binding binding;
        std::uint32_t sessions = 0;  ///< that it has, or attempts, there
        loop::Time last_used;
    };
    struct Slice {
        std::vector<Remembered> entries;
        Key next = 0;  ///< behind which to go on; 0: this was the last slice
    };
    /// Of the next `max` entries whose keys are above `after`, those that have not expired.
    [[nodiscard]] Slice slice(Key after, std::size_t max, loop::Time now) const;
    [[nodiscard]] std::optional<Remembered> look_up(Key key, loop::Time now) const;

    /// Forgets one client, or all. Their sessions stay where they are. Returns how many it knew.
    std::size_t forget(Key key);
    std::size_t forget_all();

private:
    /// Seats on one backend. Seats on the client's former backends no longer count.
    struct Seats {
        Backend backend = 0;
        std::uint32_t count = 0;

        void add(Backend to);
        void remove(Backend from);
    };
    struct Entry {
        Key key = 0;
        std::string who;
        std::optional<Seats> sessions;  // where it has logged in
        Seats attempts;
        loop::Time last_used;
    };
    using Entries = std::list<Entry>;  // the latest used in front
    [[nodiscard]] bool is_over(const Entry& entry, loop::Time now) const;
    [[nodiscard]] static Binding binding_of(const Entry& entry);
    [[nodiscard]] static Remembered remembered(const Entry& entry);
    [[nodiscard]] Entry& use(Key key, loop::Time now);
    void bound_size();

    std::chrono::milliseconds timeout_;
    std::size_t entries_max_;
    Entries entries_;
    std::map<Key, Entries::iterator> places_;  // in the order of slices
};

}  // namespace ballast::pool
