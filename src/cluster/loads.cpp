// SPDX-License-Identifier: Apache-2.0
#include "cluster/loads.h"

#include "base/address.h"

#include <algorithm>
#include <limits>
#include <string>

namespace ballast::cluster {

namespace {

/// Another node may say anything.
std::uint32_t added(std::uint32_t a, std::uint32_t b) {
    return a + std::min(b, std::numeric_limits<std::uint32_t>::max() - a);
}

}  // namespace

std::vector<BackendLoad> Loads::own() const {
    std::vector<BackendLoad> all;
    for (const auto& [name, pool] : pools_)
        for (const auto& each : pool->status())
            if (each.sessions > 0 || each.transfers > 0)
                all.push_back({.pool = name,
                               .backend = each.backend.settings->name,
                               .address = base::to_string(each.backend.address),
                               .sessions = each.sessions,
                               .transfers = each.transfers});
    return all;
}

void Loads::others_changed() {
    has_changed_ = true;
    const auto pause = exchange_.heartbeat() / ticks_per_beat;
    if (exchange_.loop().now() - told_pools_at_ >= pause) tell_pools();
}

void Loads::tell_pools() {
    has_changed_ = false;
    told_pools_at_ = exchange_.loop().now();
    // By pool, then by backend: what all of them have together.
    std::map<std::string, std::map<std::pair<std::string, std::string>, BackendLoad>> sums;
    for (const auto& [name, node] : nodes_.others()) {
        for (const auto& each : node.facts.loads) {
            auto& sum = sums[each.pool][{each.backend, each.address}];
            sum.sessions = added(sum.sessions, each.sessions);
            sum.transfers = added(sum.transfers, each.transfers);
        }
    }
    for (const auto& [name, pool] : pools_) {
        std::vector<pool::Elsewhere> loads;
        for (const auto& [backend, sum] : sums[name])
            if (const auto address = base::Address::parse(backend.second))
                loads.push_back({backend.first, *address, sum.sessions, sum.transfers});
        pool->set_elsewhere(loads);
    }
}

/// Whether all nodes together could fill a backend before they hear of each other again: if the
/// places that are left are fewer than twice those that were taken during the last heartbeat.
void Loads::beat() {
    const auto nodes = nodes_.others().size() + 1;
    decltype(before_) now;
    is_nearly_full_ = false;
    for (const auto& [name, pool] : pools_) {
        for (const auto& each : pool->status()) {
            if (each.max_sessions == 0) continue;
            const auto sessions = std::uint64_t{each.sessions} + each.sessions_elsewhere;
            const auto former = before_.find({name, each.backend.id});
            const auto taken = former == before_.end() || sessions < former->second
                                   ? 0
                                   : sessions - former->second;
            is_nearly_full_ |= sessions + 2 * taken + nodes >= each.max_sessions;
            now[{name, each.backend.id}] = sessions;
        }
    }
    before_ = std::move(now);
}

void Loads::tick() {
    if (has_changed_) tell_pools();
    if (!is_nearly_full_ || nodes_.others().empty()) return;
    auto now = own();
    if (now == told_) return;
    told_ = std::move(now);
    nodes_.tell_now();
}

}  // namespace ballast::cluster
