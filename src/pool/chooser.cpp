// SPDX-License-Identifier: Apache-2.0
#include "pool/chooser.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ballast::pool {

namespace {

bool was_tried(const Member& member, const Asker& asker) {
    return std::ranges::find(asker.tried, member.id()) != asker.tried.end();
}

/// By default this includes ejected members, which serve if no other can.
bool can_serve(const Member& member, const Asker& asker, loop::Time now,
               Standing worst = Standing::ejected) {
    return member.standing(now) >= worst && !was_tried(member, asker);
}

}  // namespace

Chooser::Chooser(std::shared_ptr<const config::Pool> settings, Roster& roster, std::uint64_t seed)
    : settings_(std::move(settings)),
      roster_(roster),
      seed_(seed),
      policy_(make_policy()),
      stick_table_(settings_->stick.timeout, settings_->stick.entries_max) {}

std::unique_ptr<balance::Policy> Chooser::make_policy() const {
    return settings_->balance->make({settings_->hash_load_percent, seed_});
}

void Chooser::configure(std::shared_ptr<const config::Pool> settings) {
    const auto former = std::exchange(settings_, std::move(settings));
    // A policy remembers whose turn it is.
    if (settings_->balance != former->balance ||
        settings_->hash_load_percent != former->hash_load_percent)
        policy_ = make_policy();
    stick_table_.configure(settings_->stick.timeout, settings_->stick.entries_max);
}

std::expected<Member*, Refusal> Chooser::choose(const Asker& asker, loop::Time now) {
    const auto bound = sticky(asker, now);
    if (!bound) return std::unexpected(bound.error());
    if (*bound != nullptr) return *bound;
    if (Member* const chosen = pick(asker, Standing::serving, now)) return chosen;
    if (is_worth_waiting(asker, now)) return std::unexpected(Refusal::all_full);
    // An ejected backend still serves if no other can.
    if (Member* const chosen = pick(asker, Standing::ejected, now)) return chosen;
    return std::unexpected(why_none(asker, now));
}

Member* Chooser::foresee(const base::Ip& address, loop::Time now) {
    using config::StickBy;
    const bool is_hashed = settings_->balance->decided_by == balance::DecidedBy::source;
    if (settings_->stick.by == StickBy::user ||
        (settings_->stick.by == StickBy::none && !is_hashed))
        return nullptr;
    const Asker asker(settings_->stick, {address, {}}, {});
    const auto bound = sticky(asker, now);
    if (!bound) return nullptr;
    if (*bound == nullptr && is_hashed) return pick(asker, Standing::serving, now);
    return *bound;
}

/// The member that the client sticks to. None if that one is gone for good.
std::optional<Chooser::Bound> Chooser::bound_of(const Asker& asker, loop::Time now) {
    const auto binding = stick_table_.find(asker.stick_key, now);
    Member* const member = binding ? roster_.find(binding->backend) : nullptr;
    if (member == nullptr || member->standing(now) == Standing::gone) return std::nullopt;
    return Bound{member, binding->has_logged_in};
}

/// The member that the client sticks to. Null if there is none, or if another may be chosen.
std::expected<Member*, Refusal> Chooser::sticky(const Asker& asker, loop::Time now) {
    const auto bound = bound_of(asker, now);
    if (!bound) return nullptr;
    const bool serves = can_serve(*bound->member, asker, now, Standing::serving);
    if (serves && bound->member->has_room(now)) return bound->member;
    if (settings_->stick.otherwise == config::StickOtherwise::choose) return nullptr;
    if (serves) return std::unexpected(Refusal::all_full);
    // The client has stored nothing on a backend where it never logged in.
    if (!bound->has_logged_in) return nullptr;
    const bool is_withdrawn = bound->member->standing(now) == Standing::withdrawn;
    return std::unexpected(is_withdrawn ? Refusal::sticky_withdrawn : Refusal::sticky_down);
}

/// The policy's choice: among the ready members of the first tier that has any.
Member* Chooser::pick(const Asker& asker, Standing worst, loop::Time now) {
    std::vector<Member*> ready;
    for (auto& member : roster_.members()) {
        if (!can_serve(member, asker, now, worst) || !member.has_room(now)) continue;
        if (!ready.empty() && member.tier() > ready.front()->tier()) continue;
        if (!ready.empty() && member.tier() < ready.front()->tier()) ready.clear();
        ready.push_back(&member);
    }
    if (ready.empty()) return nullptr;
    std::vector<balance::Candidate> candidates;
    candidates.reserve(ready.size());
    for (Member* const member : ready) candidates.push_back(member->candidate(now));
    return ready.at(policy_->pick(candidates, asker.client));
}

/// Whether to wait for a member that is only full, instead of using an ejected one.
bool Chooser::is_worth_waiting(const Asker& asker, loop::Time now) const {
    return settings_->queue.length > 0 &&
           std::ranges::any_of(roster_.members(), [&](const Member& member) {
               return can_serve(member, asker, now, Standing::serving);
           });
}

Refusal Chooser::why_none(const Asker& asker, loop::Time now) const {
    auto best = Standing::gone;
    bool is_any_withdrawn = false;
    for (const auto& member : roster_.members()) {
        const auto standing = member.standing(now);
        best = std::max(best, standing);
        is_any_withdrawn = is_any_withdrawn || standing == Standing::withdrawn;
        // It could serve but was not chosen, so it must be full.
        if (can_serve(member, asker, now)) return Refusal::all_full;
    }
    switch (best) {
        case Standing::gone: return Refusal::none_resolved;
        case Standing::withdrawn: return Refusal::all_withdrawn;
        case Standing::down:
            return is_any_withdrawn ? Refusal::down_or_withdrawn : Refusal::all_down;
        case Standing::ejected:
        case Standing::serving: return Refusal::all_tried;
    }
    std::terminate();
}

std::vector<BackendId> Chooser::would_do(const Asker& asker, loop::Time now) {
    const bool insists = settings_->stick.otherwise == config::StickOtherwise::refuse;
    const auto only = insists ? bound_of(asker, now) : std::nullopt;
    std::vector<BackendId> result;
    for (const auto& member : roster_.members())
        if (can_serve(member, asker, now, Standing::serving) && (!only || only->member == &member))
            result.push_back(member.id());
    return result;
}

bool Chooser::has_room(const Asker& asker, loop::Time now) const {
    return std::ranges::any_of(roster_.members(), [&](const Member& member) {
        return can_serve(member, asker, now) && member.has_room(now);
    });
}

bool Chooser::has_room(loop::Time now) const {
    return std::ranges::any_of(roster_.members(), [&](const Member& member) {
        return member.standing(now) >= Standing::ejected && member.has_room(now);
    });
}

}  // namespace ballast::pool
