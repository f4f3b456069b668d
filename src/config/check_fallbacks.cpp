// SPDX-License-Identifier: Apache-2.0
#include "config/check_fallbacks.h"

#include "config/pool_name.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace ballast::config {

namespace {

/// Pools that lead in a circle, the first of the file first.
using Circle = std::vector<const Pool*>;

/// Each pool leads to at most one other. So a walk that meets its own trace has found a circle, and
/// a walk that meets another trace finds nothing new.
std::vector<Circle> circles(const Config& config) {
    std::map<const Pool*, const Pool*> start_of_walk;
    std::vector<Circle> found;
    for (const auto& start : config.pools) {
        if (start_of_walk.contains(&start)) continue;
        const Pool* pool = &start;
        while (pool != nullptr && start_of_walk.emplace(pool, &start).second)
            pool = config.find_pool(pool->fallback);
        if (pool == nullptr || start_of_walk.at(pool) != &start) continue;
        Circle circle;
        for (const auto* each = pool; circle.empty() || each != pool;
             each = config.find_pool(each->fallback))
            circle.push_back(each);
        const auto line = [](const Pool* each) { return each->where.line; };
        std::ranges::rotate(circle, std::ranges::min_element(circle, {}, line));
        found.push_back(std::move(circle));
    }
    return found;
}

}  // namespace

void check_fallbacks(const Config& config, Findings findings) {
    for (const auto& pool : config.pools)
        check_pool_name(config, pool.where.key + ".fallback", pool.fallback, findings);
    for (const auto& circle : circles(config)) {
        const auto key = circle.front()->where.key + ".fallback";
        if (circle.size() == 1) {
            findings.add(key, "the pool is its own fallback", "name another pool, or remove it");
            continue;
        }
        std::string names;
        for (const auto* pool : circle) names += pool->name + ", ";
        findings.add(key,
                     fmt::format("the fallbacks form a circle: {}{}", names, circle.front()->name),
                     "remove one of them");
    }
}

}  // namespace ballast::config
