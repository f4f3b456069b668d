// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::guard {

/// What the ledgers of a cluster's balancers tell each other: sessions of users and addresses,
/// failed logins and bans. Not thread-safe; belongs to a ledger and its lock.
class Sharing {
public:
    using Time = std::chrono::steady_clock::time_point;
    /// A keyed hash. Addresses and users are known to others by it alone.
    using Digest = std::function<std::uint64_t(std::string_view)>;

    explicit Sharing(Digest digest) : digest_(std::move(digest)) {}

    struct Count {
        std::uint64_t who = 0;  ///< see `of_address` and `of_user`
        std::uint32_t sessions = 0;

        friend bool operator==(const Count&, const Count&) = default;
    };
    struct Failure {
        std::string client;  ///< as in a ban
        std::string pool;
        std::string user;  ///< empty: it counts for the client alone
    };
    struct Ban {
        std::string client;  ///< an address, or an IPv6 network's first one, see `client_of`
        std::string pool;    ///< with `user`
        std::string user;    ///< only this one is banned there; empty: everybody
        /// Empty: it was lifted, and the failures are forgotten; those of all users of the client,
        /// if no user is named.
        std::optional<Time> until;
    };
    struct Changes {
        std::vector<Count> counts;  ///< all that they have here now; 0: none any more
        std::vector<Failure> failures;
        std::vector<Ban> bans;  ///< in the order in which they changed
        /// Nobody took them for so long that some are lost. Say all counts and bans again.
        bool has_gap = false;

        [[nodiscard]] bool is_empty() const {
            return counts.empty() && failures.empty() && bans.empty() && !has_gap;
        }
    };
    /// At most `max` of each.
    [[nodiscard]] Changes take(std::size_t max);
    struct Slice {
        std::vector<Count> counts;
        std::uint64_t next = 0;  ///< behind which to go on; 0: this was the last slice
    };
    /// The next `max` of all counts behind the one of `after`.
    [[nodiscard]] Slice counts(std::uint64_t after, std::size_t max) const;

    [[nodiscard]] std::uint64_t of_address(std::string_view client) const;
    /// `key` is "POOL\nNAME".
    [[nodiscard]] std::uint64_t of_user(std::string_view key) const;

    void set_elsewhere(std::span<const Count> counts);
    void forget_elsewhere() { elsewhere_.clear(); }
    [[nodiscard]] std::uint32_t elsewhere(std::uint64_t who) const;

    // What happens here

    void count(std::uint64_t who, std::uint32_t sessions);
    void note(Failure failure);
    void note(Ban ban);

private:
    Digest digest_;
    std::map<std::uint64_t, std::uint32_t> here_;
    std::unordered_map<std::uint64_t, std::uint32_t> elsewhere_;
    std::set<std::uint64_t> changed_;
    std::deque<Failure> failures_;
    std::deque<Ban> bans_;
    bool has_gap_ = false;
};

}  // namespace ballast::guard
