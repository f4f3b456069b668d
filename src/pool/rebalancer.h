// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/token_bucket.h"
#include "config/config.h"
#include "loop/loop.h"
#include "pool/backend.h"
#include "pool/fair_shares.h"
#include "pool/member.h"
#include "pool/watches.h"

#include <map>
#include <optional>
#include <span>
#include <vector>

namespace ballast::pool {

/// Asks sessions to move to a backend that has fewer than its share, because it came up again or is
/// new. A session may decline, and one that does not answer soon is not waited for. Not
/// thread-safe; belongs to a pool and its lock.
class Rebalancer {
public:
    /// Called a few times a second. The caller calls the recalls without the lock.
    [[nodiscard]] Watches::Recalls balance(const config::Pool& settings,
                                           std::span<const Member> members, Watches& watches,
                                           loop::Time now);

private:
    struct Asked {
        BackendId from;
        BackendId to;
        Watches::Number watch;
        loop::Time since;
    };
    void settle(Watches& watches, loop::Time now, bool withdraw_all);
    [[nodiscard]] std::vector<Load> loads_of(std::span<const Member> members, loop::Time now) const;

    std::vector<Asked> asked_;  // and have neither moved nor declined
    std::optional<base::TokenBucket> pace_;
    std::map<BackendId, Watches::Number> last_asked_;  // of each backend: others come before it
};

}  // namespace ballast::pool
