// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
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
    std::size_t forget(Key key, loop::Time now);
    std::size_t forget_all(loop::Time now);

    // What balancers of a cluster tell each other

    /// Something that others have to know, or that others knew.
    struct News {
        Key key = 0;
        std::string who;
        Backend backend = 0;  ///< 0: the client was forgotten
        loop::Time at;        ///< its last use, or when it was forgotten
    };
    /// Whether to note news. When it begins, and with each further call, all clients are news.
    void share(bool wanted);
    /// At most `max` of the news since they were taken last, each client once: it has logged in,
    /// its last session here has ended, or it was forgotten. A client with sessions here is news
    /// again before others would forget it.
    [[nodiscard]] std::vector<News> take_news(std::size_t max, loop::Time now);
    /// Something that another knows. It is no news for others. A client with sessions here sticks
    /// to what it has here. Else the later use counts.
    void learn(const News& told, loop::Time now);

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
        loop::Time news_at{};     // when it is news again; 0: not
        std::uint64_t round = 0;  // others know it since this round of telling all
    };
    using Entries = std::list<Entry>;  // the latest used in front
    [[nodiscard]] bool is_over(const Entry& entry, loop::Time now) const;
    [[nodiscard]] static Binding binding_of(const Entry& entry);
    [[nodiscard]] static Remembered remembered(const Entry& entry);
    using Places = std::map<Key, Entries::iterator>;
    [[nodiscard]] Entry& use(Key key, loop::Time now);
    void bound_size();
    void erase(Places::iterator place);

    /// Of those who share.
    struct Sharing {
        /// With a client that was forgotten: who it was, and when. Else the entry says it.
        std::map<Key, std::optional<News>> news;
        std::set<std::pair<loop::Time, Key>> later;  ///< when those with sessions are news again
        std::optional<Key> told_up_to;               ///< of all, in this round; empty: all
    };
    void note_untold();
    void note_known(Entry& entry, const News& told);
    [[nodiscard]] const News* untold_forgetting(Key key) const;
    void note(Entry& entry, loop::Time now);
    void note_later(Entry& entry, loop::Time at);
    [[nodiscard]] std::chrono::milliseconds news_interval() const;

    std::chrono::milliseconds timeout_;
    std::size_t entries_max_;
    Entries entries_;
    Places places_;  // in the order of slices
    std::unique_ptr<Sharing> sharing_;
    std::uint64_t round_ = 0;  // of telling all
};

}  // namespace ballast::pool
