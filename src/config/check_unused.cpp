// SPDX-License-Identifier: Apache-2.0
#include "config/check_unused.h"

#include <algorithm>
#include <set>
#include <string>

namespace ballast::config {

namespace {

/// If a pool's name was refused or does not exist, its target is unknown.
bool all_ways_are_known(const Config& config, const Findings& findings) {
    const auto leads = [&](const std::string& key, const std::string& pool) {
        return findings.holds(key) && (pool.empty() || config.find_pool(pool) != nullptr);
    };
    const auto is_known = [&](const Listener& listener) {
        const auto& key = listener.where.key;
        const bool leads_somewhere = !listener.pool.empty() || !listener.routes.empty();
        return leads_somewhere && leads(key + ".pool", listener.pool) &&
               findings.holds(key + ".route") &&
               std::ranges::all_of(listener.routes, [&](const Route& route) {
                   return leads(route.where.key + ".pool", route.pool);
               });
    };
    return findings.holds("listener") && std::ranges::all_of(config.listeners, is_known) &&
           std::ranges::all_of(config.pools, [&](const Pool& pool) {
               return leads(pool.where.key + ".fallback", pool.fallback);
           });
}

/// Adds the pools that they fall back to.
std::set<const Pool*> used_pools(const Config& config) {
    std::set<const Pool*> used;
    const auto use = [&](const std::string& name) {
        const auto* pool = config.find_pool(name);
        while (pool != nullptr && used.insert(pool).second) pool = config.find_pool(pool->fallback);
    };
    for (const auto& listener : config.listeners) {
        use(listener.pool);
        for (const auto& route : listener.routes) use(route.pool);
    }
    return used;
}

}  // namespace

void check_unused(const Config& config, Findings findings) {
    if (config.listeners.empty() || !all_ways_are_known(config, findings)) return;
    const auto used = used_pools(config);
    for (const auto& pool : config.pools)
        if (!used.contains(&pool))
            findings.warn(pool.where.key, "no listener, route or fallback leads to this pool",
                          "name it in pool of a listener or a route, or remove it");
}

}  // namespace ballast::config
