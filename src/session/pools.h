// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/access.h"
#include "pool/pool.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <vector>

namespace ballast::session {

/// A pool, and how its backends are reached.
struct PoolAccess {
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<backend::Access> access;
};

/// All pools that sessions may be sent to. Filled before the first session has it.
class Pools {
public:
    void add(PoolAccess pool) { pools_.push_back(std::move(pool)); }
    /// Null if there is none of this name.
    [[nodiscard]] const PoolAccess* find(std::string_view name) const {
        const auto found = std::ranges::find_if(
            pools_, [&](const auto& each) { return each.pool->config().name == name; });
        return found == pools_.end() ? nullptr : &*found;
    }
    [[nodiscard]] const std::vector<PoolAccess>& all() const { return pools_; }

private:
    std::vector<PoolAccess> pools_;
};

}  // namespace ballast::session
