// SPDX-License-Identifier: Apache-2.0
#include "pool/fair_shares.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace ballast::pool {

namespace {

bool is_clearly_off(double surplus, double share) {
    constexpr double tolerance = 0.1;
    if (share == 0) return surplus >= 1;
    return std::abs(surplus) > std::max(1.0, tolerance * share);
}

bool has_room(const Load& load) {
    return load.weight > 0 && (!load.limit || load.sessions < *load.limit);
}

}  // namespace

std::vector<double> fair_shares(std::span<const Load> loads) {
    std::vector<double> shares(loads.size(), 0);
    std::vector<bool> is_full(loads.size(), false);
    double left = 0;
    for (const auto& load : loads) left += static_cast<double>(load.sessions);
    // What one has no room for is shared among the others, who may become full by it.
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        double weights = 0;
        for (std::size_t i = 0; i < loads.size(); ++i)
            if (!is_full[i]) weights += loads[i].weight;
        if (weights == 0) break;
        const double per_weight = left / weights;
        for (std::size_t i = 0; i < loads.size(); ++i) {
            if (is_full[i]) continue;
            shares[i] = loads[i].weight * per_weight;
            if (!loads[i].limit || shares[i] <= *loads[i].limit) continue;
            shares[i] = *loads[i].limit;
            left -= shares[i];
            is_full[i] = true;
            has_changed = true;
        }
    }
    return shares;
}

std::optional<Shift> next_shift(std::span<const Load> loads) {
    const auto shares = fair_shares(loads);
    const auto surplus = [&](std::size_t i) {
        return static_cast<double>(loads[i].sessions) - shares[i];
    };
    std::optional<std::size_t> from;
    std::optional<std::size_t> to;
    for (std::size_t i = 0; i < loads.size(); ++i) {
        if (loads[i].can_give && surplus(i) >= 1 && (!from || surplus(i) > surplus(*from)))
            from = i;
        if (has_room(loads[i]) && surplus(i) <= -1 && (!to || surplus(i) < surplus(*to))) to = i;
    }
    if (!from || !to) return std::nullopt;
    if (!is_clearly_off(surplus(*from), shares[*from]) &&
        !is_clearly_off(surplus(*to), shares[*to]))
        return std::nullopt;
    return Shift{loads[*from].id, loads[*to].id};
}

}  // namespace ballast::pool
