// SPDX-License-Identifier: Apache-2.0
#include "balance/round_robin.h"

#include <algorithm>
#include <cassert>
#include <iterator>

namespace ballast::balance {

std::size_t RoundRobin::pick(std::span<const Candidate> ready, const Client& /*client*/) {
    assert(!ready.empty());
    ++picks_;
    std::int64_t all_weights = 0;
    for (const auto& candidate : ready) all_weights += candidate.weight;

    std::size_t best = 0;
    Account* best_account = nullptr;
    for (std::size_t i = 0; i < ready.size(); ++i) {
        Account& account = accounts_[ready[i].id];
        account.last_pick = picks_;
        account.weight = ready[i].weight;
        // One round alone keeps credit within these bounds. Credit from other weights or other
        // candidates may be larger, and would be paid back in one burst.
        account.credit =
            std::clamp(account.credit + ready[i].weight, -all_weights, 2 * all_weights);
        if (best_account == nullptr || account.credit > best_account->credit) {
            best = i;
            best_account = &account;
        }
    }
    best_account->credit -= all_weights;
    settle_absent();
    return best;
}

/// A candidate that was just chosen and could not be reached keeps its debt while others are asked,
/// so it is not the next choice again. Debt wears off at the usual rate, credit at once. A
/// candidate without debt is forgotten, so none comes back with a claim to a burst.
void RoundRobin::settle_absent() {
    for (auto entry = accounts_.begin(); entry != accounts_.end();) {
        Account& account = entry->second;
        const bool is_absent = account.last_pick != picks_;
        if (is_absent) account.credit += account.weight;
        entry = is_absent && account.credit >= 0 ? accounts_.erase(entry) : std::next(entry);
    }
}

}  // namespace ballast::balance
