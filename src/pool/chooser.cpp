// SPDX-License-Identifier: Apache-2.0
#include "pool/chooser.h"

#include <algorithm>
#include <exception>
#include <span>
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

/// The same for a client that does not stick to it.
bool takes_new(const Member& member, const Asker& asker, loop::Time now,
               Standing worst = Standing::ejected) {
    return member.weight() > 0 && can_serve(member, asker, now, worst);
}

/// Why `can_serve` says no, or it has no room.
Unfit unfit_of(const Member& member, const Asker& asker, loop::Time now, Standing worst) {
    switch (member.standing(now)) {
        case Standing::gone:
        case Standing::withdrawn: return Unfit::withdrawn;
        case Standing::down: return Unfit::down;
        case Standing::ejected:
            if (worst > Standing::ejected) return Unfit::ejected;
            break;
        case Standing::serving: break;
    }
    if (was_tried(member, asker)) return Unfit::tried;
    return member.has_room(now) ? Unfit::no : Unfit::full;
}

Choice::Option option_of(const Member& member, Unfit unfit) {
    return {.name = member.backend().name,
            .numbers = {.id = member.id(),
                        .weight = 0,
                        .sessions = member.sessions() + member.sessions_elsewhere(),
                        .transfers = member.traffic()->transfers + member.transfers_elsewhere()},
            .unfit = unfit};
}

/// `option` makes one. It is only counted if there is no room.
void add(Choice& choice, const auto& option) {
    if (choice.options.size() < Choice::options_max)
        choice.options.push_back(option());
    else
        ++choice.more;
}

/// The chosen one is among the options even if the pool is large.
void explain_pick(std::span<Member* const> ready, std::span<const balance::Candidate> candidates,
                  std::size_t picked, Choice& choice) {
    choice.options.reserve(std::min(ready.size(), Choice::options_max));
    const auto add_ready = [&](std::size_t i) {
        add(choice, [&] {
            return Choice::Option{
                .name = ready[i]->backend().name, .numbers = candidates[i], .unfit = {}};
        });
    };
    if (picked >= Choice::options_max) add_ready(picked);
    for (std::size_t i = 0; i < ready.size(); ++i)
        if (i != picked || picked < Choice::options_max) add_ready(i);
}

/// `ready` has some of the members, in the same order.
void explain_unfit(std::span<const Member> members, const Asker& asker, Standing worst,
                   loop::Time now, std::span<Member* const> ready, Choice& choice) {
    auto next_ready = ready.begin();
    for (const auto& member : members) {
        if (next_ready != ready.end() && *next_ready == &member) {
            ++next_ready;
            continue;
        }
        if (member.standing(now) == Standing::gone) continue;
        add(choice, [&] {
            auto unfit = unfit_of(member, asker, now, worst);
            if (unfit == Unfit::no)
                unfit = member.weight() == 0 ? Unfit::without_weight : Unfit::later_tier;
            return option_of(member, unfit);
        });
    }
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

std::expected<Member*, Refusal> Chooser::choose(const Asker& asker, loop::Time now,
                                                Choice* explained) {
    const auto bound = sticky(asker, now);
    if (explained != nullptr && (!bound || *bound != nullptr))
        explain_bound(asker, bound.value_or(nullptr), now, *explained);
    if (!bound) return std::unexpected(bound.error());
    if (*bound != nullptr) return *bound;
    if (Member* const chosen = pick(asker, Standing::serving, now, explained)) return chosen;
    if (is_worth_waiting(asker, now)) return std::unexpected(Refusal::all_full);
    // An ejected backend still serves if no other can.
    if (Member* const chosen = pick(asker, Standing::ejected, now, explained)) return chosen;
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
Member* Chooser::pick(const Asker& asker, Standing worst, loop::Time now, Choice* explained) {
    std::vector<Member*> ready;
    for (auto& member : roster_.members()) {
        if (!takes_new(member, asker, now, worst) || !member.has_room(now)) continue;
        if (!ready.empty() && member.tier() > ready.front()->tier()) continue;
        if (!ready.empty() && member.tier() < ready.front()->tier()) ready.clear();
        ready.push_back(&member);
    }
    if (explained != nullptr) {
        *explained = {};
        explained->policy = settings_->balance->name;
    }
    if (ready.empty()) {
        if (explained != nullptr)
            explain_unfit(roster_.members(), asker, worst, now, ready, *explained);
        return nullptr;
    }
    std::vector<balance::Candidate> candidates;
    candidates.reserve(ready.size());
    for (Member* const member : ready) candidates.push_back(member->candidate(now));
    const auto picked = policy_->pick(candidates, asker.client);
    if (explained != nullptr) {
        explained->why =
            worst == Standing::serving ? Choice::Why::policy : Choice::Why::last_resort;
        explain_pick(ready, candidates, picked, *explained);
        explain_unfit(roster_.members(), asker, worst, now, ready, *explained);
    }
    return ready.at(picked);
}

/// The client sticks to a member, chosen or not, and may have no other now.
void Chooser::explain_bound(const Asker& asker, const Member* chosen, loop::Time now,
                            Choice& explained) {
    const auto bound = bound_of(asker, now);
    if (!bound) return;
    explained = {};
    explained.policy = settings_->balance->name;
    if (chosen != nullptr) explained.why = Choice::Why::sticky;
    explained.options.push_back({.name = bound->member->backend().name,
                                 .numbers = bound->member->candidate(now),
                                 .unfit = unfit_of(*bound->member, asker, now, Standing::serving)});
    for (const auto& member : roster_.members())
        if (&member != bound->member && member.standing(now) != Standing::gone)
            add(explained, [&] { return option_of(member, Unfit::not_its_own); });
}

/// Whether to wait for a member that is only full, instead of using an ejected one.
bool Chooser::is_worth_waiting(const Asker& asker, loop::Time now) const {
    return settings_->queue.length > 0 &&
           std::ranges::any_of(roster_.members(), [&](const Member& member) {
               return takes_new(member, asker, now, Standing::serving);
           });
}

Refusal Chooser::why_none(const Asker& asker, loop::Time now) const {
    auto best = Standing::gone;
    bool is_any_withdrawn = false;
    for (const auto& member : roster_.members()) {
        auto standing = member.standing(now);
        if (member.weight() == 0) standing = std::min(standing, Standing::withdrawn);
        best = std::max(best, standing);
        is_any_withdrawn = is_any_withdrawn || standing == Standing::withdrawn;
        // It could serve but was not chosen, so it must be full.
        if (takes_new(member, asker, now)) return Refusal::all_full;
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
        if (only ? only->member == &member && can_serve(member, asker, now, Standing::serving)
                 : takes_new(member, asker, now, Standing::serving))
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
