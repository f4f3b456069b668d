// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "balance/policy.h"
#include "config/config.h"
#include "pool/asker.h"
#include "pool/choice.h"
#include "pool/member.h"
#include "pool/refusal.h"
#include "pool/roster.h"
#include "pool/stick_table.h"

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

namespace ballast::pool {

/// Which member a client gets: the one that it sticks to, else the one that the policy picks among
/// those that can serve it. Not thread-safe; belongs to a pool and its lock.
class Chooser {
public:
    /// `roster` outlives it. All that the policy draws comes from `seed`.
    Chooser(std::shared_ptr<const config::Pool> settings, Roster& roster, std::uint64_t seed);
    /// Clients that stick to a member go on doing so.
    void configure(std::shared_ptr<const config::Pool> settings);

    /// Reserves nothing. `explained`, if not null, gets what led to the result.
    [[nodiscard]] std::expected<Member*, Refusal> choose(const Asker& asker, loop::Time now,
                                                         Choice* explained = nullptr);
    /// Whom it would choose, if the address of the client alone decides that; else null.
    [[nodiscard]] Member* foresee(const base::Ip& address, loop::Time now);
    /// The members that would do for this client if they had room.
    [[nodiscard]] std::vector<BackendId> would_do(const Asker& asker, loop::Time now);
    /// Whether a member has room for this client, or for anyone. Cheaper than `choose`.
    [[nodiscard]] bool has_room(const Asker& asker, loop::Time now) const;
    [[nodiscard]] bool has_room(loop::Time now) const;

    /// Is told by the owner how those who were chosen fare.
    [[nodiscard]] StickTable& stick_table() { return stick_table_; }
    [[nodiscard]] const StickTable& stick_table() const { return stick_table_; }

private:
    struct Bound {
        Member* member;  ///< not gone
        bool has_logged_in;
    };
    [[nodiscard]] std::optional<Bound> bound_of(const Asker& asker, loop::Time now);
    [[nodiscard]] std::expected<Member*, Refusal> sticky(const Asker& asker, loop::Time now);
    [[nodiscard]] Member* pick(const Asker& asker, Standing worst, loop::Time now,
                               Choice* explained = nullptr);
    void explain_bound(const Asker& asker, const Member* chosen, loop::Time now, Choice& explained);
    [[nodiscard]] bool is_worth_waiting(const Asker& asker, loop::Time now) const;
    [[nodiscard]] Refusal why_none(const Asker& asker, loop::Time now) const;

    [[nodiscard]] std::unique_ptr<balance::Policy> make_policy() const;

    std::shared_ptr<const config::Pool> settings_;
    Roster& roster_;
    const std::uint64_t seed_;
    std::unique_ptr<balance::Policy> policy_;
    StickTable stick_table_;
};

}  // namespace ballast::pool
