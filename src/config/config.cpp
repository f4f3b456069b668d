// SPDX-License-Identifier: Apache-2.0
#include "config/config.h"

#include <algorithm>

namespace ballast::config {

const Pool* Config::find_pool(const std::string& name) const {
    const auto found = std::ranges::find(pools, name, &Pool::name);
    return found == pools.end() ? nullptr : &*found;
}

std::vector<const Pool*> Config::pools_of(const Listener& listener) const {
    std::vector<const Pool*> found;
    const auto add = [&](const std::string& name) {
        const auto* pool = find_pool(name);
        while (pool != nullptr && std::ranges::find(found, pool) == found.end()) {
            found.push_back(pool);
            pool = find_pool(pool->fallback);
        }
    };
    add(listener.pool);
    for (const auto& route : listener.routes) add(route.pool);
    return found;
}

}  // namespace ballast::config
