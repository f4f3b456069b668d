// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/token_bucket.h"
#include "config/config.h"
#include "guard/bandwidth.h"
#include "guard/limit.h"
#include "guard/rules.h"
#include "guard/sharing.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ballast::guard {

/// The setting behind a limit, and what an operator can do about it.
struct LimitSetting {
    std::string key;        ///< in the configuration: "limits.sessions"
    std::uint64_t value;    ///< its value, or ours if the configuration sets none
    std::string_view cure;  ///< what to do, in words
};

/// The address that stands for one client. A host with one IPv6 address has a whole network of
/// them, so the network counts. Exceptions are link-local addresses and IPv4 clients behind a
/// translator (RFC 6052).
[[nodiscard]] base::Ip client_of(const base::Ip& address);

/// Counts sessions, arrivals and failed logins for the limits of the whole process. Any thread may
/// call; calls block only for a moment.
class Ledger {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `sessions_max` is the effective value of `limits.sessions`.
    Ledger(std::shared_ptr<const config::Limits> limits, std::uint32_t sessions_max, Time now);
    /// Replaces the limits. What has been counted stays.
    void configure(std::shared_ptr<const config::Limits> limits, std::uint32_t sessions_max,
                   Time now);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// One unit of a limited number, held until it is destroyed. The ledger must outlive it.
    class Held {
    public:
        Held() = default;
        explicit Held(std::move_only_function<void()> give_back)
            : give_back_(std::move(give_back)) {}
        Held(Held&& other) noexcept : give_back_(std::exchange(other.give_back_, {})) {}
        Held& operator=(Held&& other) noexcept {
            std::swap(give_back_, other.give_back_);
            return *this;
        }
        ~Held() {
            if (give_back_) give_back_();
        }
        Held(const Held&) = delete;
        Held& operator=(const Held&) = delete;

        [[nodiscard]] explicit operator bool() const { return static_cast<bool>(give_back_); }

    private:
        std::move_only_function<void()> give_back_;
    };

    /// Counts a new connection whose client is not known yet. Accepts a few more than
    /// `sessions_max`; `enter` decides which of them may begin a session.
    [[nodiscard]] std::expected<Held, Limit> accept();
    /// Begins a session of this client. Checks the client's own limits before the shared ones, so
    /// that a client refused by its own limits uses up nothing shared. If all places are taken,
    /// recalls one on loan to make room.
    [[nodiscard]] std::expected<Held, Limit> enter(const config::Listener& listener,
                                                   const base::Ip& client, Time now);
    /// Marks the place of a session that has not logged in as on loan. When the place is needed,
    /// `recall` is called once, on any thread, and the session must end soon. Destroy the result to
    /// end the loan: at the login, or when the session ends and before its place.
    [[nodiscard]] Held lend(const config::Listener& listener, const base::Ip& client,
                            std::function<void()> recall);

    /// Whether clients are turned away because the administrator drains the balancer. Logged when
    /// the last session has left meanwhile. Sessions that are there go on.
    void admit_none(bool wanted);
    [[nodiscard]] bool admits_none() const { return admits_none_; }

    struct User {
        std::string_view pool;
        std::string_view name;
    };
    /// The ban on this user at this address, if there is one.
    [[nodiscard]] std::optional<Limit> ban_of(const User& user, const base::Ip& client, Time now);
    /// Counts a failed login. Returns the ban that it starts, if any: of the address, or else of
    /// this user at the address. Without a user name it counts for the address alone.
    std::optional<Limit> login_failed(const User& user, const base::Ip& client, Time now);
    [[nodiscard]] std::expected<Held, Limit> logged_in(const User& user);

    // For operators

    struct Ban {
        std::string client;  ///< an address, or an IPv6 network's first one, see `client_of`
        std::string pool;    ///< with `user`
        std::string user;    ///< only this one is banned there; empty: everybody
        Time until;
    };
    /// Those in force.
    [[nodiscard]] std::vector<Ban> bans(Time now) const;
    [[nodiscard]] std::size_t ban_count(Time now) const;
    /// Lifts the bans of this address and forgets its failed logins: all of them, or with a user's
    /// name those of that user alone, in every pool. Returns how many bans it has lifted.
    std::size_t unban(const base::Ip& client, std::string_view user, Time now);
    struct Use {
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        std::map<std::string, std::uint32_t> sessions_of_listeners;  ///< by their names
    };
    [[nodiscard]] Use use() const;

    // The other balancers of a cluster

    /// From now on notes what others have to know: all that is counted by now, then what changes.
    /// `digest` is called under the lock, once for each new user and address. Null ends it, and
    /// what others have is forgotten.
    void share(Sharing::Digest digest);
    /// What has changed since the last call, at most `max` of each kind. Take them at each
    /// heartbeat, until there are none. Tell others of bans before failures: a ban says more than
    /// the failure that led to it.
    [[nodiscard]] Sharing::Changes take_changes(std::size_t max);
    /// Of the sessions here, the next `max` counts behind the one of `after`.
    [[nodiscard]] Sharing::Slice counts(std::uint64_t after, std::size_t max) const;
    /// What the others have of these, all together; 0 ends it. It counts for
    /// `limits.sessions_per_user`, and for `limits.sessions_per_address` if that is set.
    void set_elsewhere(std::span<const Sharing::Count> counts);
    void forget_elsewhere();
    /// Counts a login that failed at another balancer. Returns the ban that it starts, if any,
    /// which others are told. It does not count for one who is banned already.
    std::optional<Limit> failed_elsewhere(const Sharing::Failure& failure, Time now);
    /// What another balancer has decided about a ban. It counts instead of what was known of it.
    void follow(const Sharing::Ban& ban, Time now);

    /// Call before connecting to a backend for a login. If there were too many connections, says
    /// which limit was reached and when to ask again.
    struct Wait {
        Limit limit;
        Time until;
    };
    [[nodiscard]] std::optional<Wait> begin_login(const base::Ip& client, Time now);
    /// Returns this many connections to the budget, because they led to a login.
    void login_succeeded(const base::Ip& client, std::uint32_t connections, Time now);

    [[nodiscard]] std::expected<Held, Limit> begin_transfer();

    /// The bandwidth with this name, shared by all transfers that hold it. Null if the rate is 0:
    /// no limit.
    [[nodiscard]] std::shared_ptr<Bandwidth> bandwidth(const std::string& name,
                                                       std::size_t bytes_per_second);

    /// `taken` is the resident memory in bytes. Above `taken_max` no session begins.
    void look_at_memory(std::size_t taken, std::size_t taken_max) {
        memory_max_ = taken_max;
        short_of_memory_ = taken > taken_max;
    }
    [[nodiscard]] Rules rules() const;
    /// The setting behind a limit reached at this listener.
    [[nodiscard]] LimitSetting setting_of(Limit limit, const config::Listener& listener) const;

private:
    struct Failures {
        std::uint32_t count = 0;
        Time first_at;
        Time banned_until;
    };
    struct Client {
        base::TokenBucket arrivals;
        base::TokenBucket logins;
        std::uint32_t sessions = 0;
        std::uint32_t loans = 0;
        std::uint64_t digest = 0;  ///< if it is shared
        /// By name, so that a listener keeps its count when the configuration changes.
        std::vector<std::pair<std::string, std::uint32_t>> at_listeners = {};

        [[nodiscard]] std::uint32_t& at(const std::string& listener);
    };
    struct Loan;
    /// Loans that may be recalled, the oldest first.
    using Loans = std::list<Loan*>;
    struct Loan {
        std::string listener;  ///< its name
        base::Ip client;
        std::function<void()> recall;
        Loans::iterator among_all = {};
        Loans::iterator at_listener = {};
        bool is_recalled = false;  ///< then it is in neither list
    };
    struct AtListener {
        std::uint32_t sessions = 0;
        Loans loans;
    };
    /// Swept when it has doubled in size since the last sweep.
    template <typename Key, typename Value, typename Map = std::unordered_map<Key, Value>>
    struct Table {
        static constexpr std::size_t swept_above = 1024;
        Map entries;
        std::size_t sweep_at = swept_above;

        template <typename IsOver>
        void sweep(IsOver is_over) {
            if (entries.size() < sweep_at) return;
            std::erase_if(entries, [&](auto& entry) { return is_over(entry.second); });
            sweep_at = std::max(swept_above, 2 * entries.size());
        }
    };
    /// In order, so that all users of one client are next to each other.
    struct FailuresOf : Table<std::string, Failures, std::map<std::string, Failures>> {
        /// Of the entries that are bans: until when, and the key. Some may be over.
        std::multimap<Time, std::string> bans;

        void forget_ban(Time until, std::string_view key);
        /// True if it was banned.
        bool forget(const std::string& key, Time now);
    };

    [[nodiscard]] Client& client(const base::Ip& who, Time now);
    [[nodiscard]] std::optional<Limit> own_limit(Client& client, const config::Listener& listener,
                                                 Time now) const;
    [[nodiscard]] std::expected<Loan*, Limit> room(const config::Listener& listener);
    [[nodiscard]] Loan* loan_to_recall(const Loans& loans) const;
    void leave_lists(const Loan& loan);
    void leave(const std::string& listener, const base::Ip& client);
    void leave(const std::string& user_key);
    [[nodiscard]] static bool is_banned(const FailuresOf& failures, const std::string& key,
                                        Time now);
    [[nodiscard]] std::optional<Limit> count_failure(const std::string& client,
                                                     const std::string& user_key, Time now);
    [[nodiscard]] bool fail(FailuresOf& failures, const std::string& key, std::uint32_t allowed,
                            Time now);
    [[nodiscard]] std::size_t forget_all_of(const std::string& client, Time now, Sharing* told);
    [[nodiscard]] std::size_t forget_users_of(const std::string& client, std::string_view end,
                                              Time now, Sharing* told);
    void make_room(FailuresOf& failures, Time now) const;
    static void start_ban(FailuresOf& failures, const std::string& key, Time until, Time now);

    std::atomic<std::uint32_t> connections_max_ = 0;
    std::atomic<std::uint32_t> transfers_max_ = 0;
    std::atomic<std::uint32_t> connections_ = 0;
    std::atomic<std::uint32_t> transfers_ = 0;
    std::atomic<bool> short_of_memory_ = false;
    std::atomic<bool> admits_none_ = false;
    std::atomic<std::size_t> memory_max_ = 0;

    mutable std::mutex mutex_;
    Rules rules_;
    base::TokenBucket arrivals_;
    base::TokenBucket logins_;
    std::uint32_t sessions_ = 0;
    Loans loans_;
    std::uint32_t recalled_ = 0;
    std::unordered_map<std::string, AtListener> listeners_;  // by their names
    Table<base::Ip, Client> clients_;
    struct OfUser {
        std::uint32_t sessions = 0;
        std::uint64_t digest = 0;  ///< if it is shared
    };
    std::unordered_map<std::string, OfUser> users_;
    FailuresOf failures_of_addresses_;
    FailuresOf failures_of_users_;
    Table<std::string, std::weak_ptr<Bandwidth>> bandwidths_;
    std::unique_ptr<Sharing> sharing_;  // null: there are no others
};

}  // namespace ballast::guard
