// SPDX-License-Identifier: Apache-2.0
#include "pool/rebalancer.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace ballast::pool {

namespace {

using namespace std::chrono_literals;

/// A session that has not moved by then is busy.
constexpr auto patience = 5s;
/// So the first moves come at once, and never more than half of a second's.
constexpr auto burst = 500ms;

/// Sessions that stick, and those that a hash or the order has placed, belong where they are.
bool is_on(const config::Pool& settings) {
    return settings.rebalance > 0 && settings.failover != config::Failover::off &&
           settings.stick.by == config::StickBy::none &&
           settings.balance->decided_by == balance::DecidedBy::load;
}

}  // namespace

Watches::Recalls Rebalancer::balance(const config::Pool& settings, std::span<const Member> members,
                                     Watches& watches, loop::Time now) {
    settle(watches, now, !is_on(settings));
    std::erase_if(last_asked_, [&](const auto& each) {
        return std::ranges::find(members, each.first, &Member::id) == members.end();
    });
    if (!is_on(settings)) {
        pace_.reset();
        return {};
    }
    if (!pace_) pace_.emplace(settings.rebalance, now, burst);
    pace_->set_rate(settings.rebalance, now);

    Watches::Recalls recalls;
    auto loads = loads_of(members, now);
    const auto load_of = [&](BackendId id) { return std::ranges::find(loads, id, &Load::id); };
    while (pace_->next(now) == now) {
        const auto shift = next_shift(loads);
        if (!shift) break;
        const auto found = watches.next_movable(shift->from, last_asked_[shift->from], now);
        if (!found) {
            load_of(shift->from)->can_give = false;
            continue;
        }
        (void)pace_->take(now);
        recalls.push_back(watches.ask_to_move(shift->from, *found, shift->to, now));
        asked_.push_back({shift->from, shift->to, *found, now});
        last_asked_[shift->from] = *found;
        --load_of(shift->from)->sessions;
        ++load_of(shift->to)->sessions;
    }
    return recalls;
}

/// Forgets those that have moved, have declined or are too busy.
void Rebalancer::settle(Watches& watches, loop::Time now, bool withdraw_all) {
    std::erase_if(asked_, [&](const Asked& each) {
        if (!watches.is_asked_to_move(each.from, each.watch)) return true;
        if (!withdraw_all && now < each.since + patience) return false;
        watches.withdraw_wish(each.from, each.watch);
        return true;
    });
}

/// Those of the first tier that serves. Sessions on later tiers belong to it too. Those on a
/// backend without weight stay.
std::vector<Load> Rebalancer::loads_of(std::span<const Member> members, loop::Time now) const {
    std::vector<const Member*> serving;
    for (const auto& member : members)
        if (member.standing(now) == Standing::serving && member.weight() > 0)
            serving.push_back(&member);
    const auto first = std::ranges::min_element(serving, {}, &Member::tier);
    std::vector<Load> loads;
    for (const auto* const member : serving) {
        const auto id = member->id();
        loads.push_back(
            {.id = id,
             .weight = member->tier() == (*first)->tier() ? member->weight_risen(now) : 0,
             .sessions = std::int64_t{member->sessions()} -
                         std::ranges::count(asked_, id, &Asked::from) +
                         std::ranges::count(asked_, id, &Asked::to),
             .limit = member->limit(now)});
    }
    return loads;
}

}  // namespace ballast::pool
