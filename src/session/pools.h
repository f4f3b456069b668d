// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "pool/pool.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::session {

/// A pool, and how to reach its backends. The settings are those of its snapshot; the pool goes on
/// to the next one.
struct ServedPool {
    ServedPool() = default;
    ServedPool(std::shared_ptr<pool::Pool> served, std::shared_ptr<backend::Contacts> how)
        : pool(std::move(served)), settings(pool->settings()), contacts(std::move(how)) {}

    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<const config::Pool> settings;
    std::shared_ptr<backend::Contacts> contacts;
};

/// All pools that sessions may be sent to. Filled before the first session uses it.
class Pools {
public:
    void add(ServedPool pool) { pools_.push_back(std::move(pool)); }
    /// Null if there is no pool of this name.
    [[nodiscard]] const ServedPool* find(std::string_view name) const {
        const auto found = std::ranges::find_if(
            pools_, [&](const auto& each) { return each.pool->name() == name; });
        return found == pools_.end() ? nullptr : &*found;
    }
    [[nodiscard]] const std::vector<ServedPool>& all() const { return pools_; }

private:
    std::vector<ServedPool> pools_;
};

}  // namespace ballast::session
