// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "daemon/worker.h"
#include "guard/ledger.h"
#include "pool/admin_state.h"
#include "session/pools.h"

#include <memory>
#include <span>

namespace ballast::daemon {

/// The administrative state of the whole balancer: whether new clients may come, and whether those
/// that are there may stay. The states of single backends are independent of it. Belongs to one
/// thread.
class Availability {
public:
    /// The ledger outlives it.
    explicit Availability(guard::Ledger& ledger) : ledger_(ledger) {}

    using Workers = std::span<const std::unique_ptr<Worker>>;
    /// From `draining` on new clients get 421. From `draining_idle` on sessions end when they are
    /// idle, and with `disabled` at once. A session that was told to end does so even if the
    /// balancer is ready again before it is idle.
    void set(pool::AdminState state, Workers workers, const session::Pools& pools);
    [[nodiscard]] pool::AdminState state() const { return state_; }
    /// For pools that came after `set`.
    void apply_to(pool::Pool& pool) const;

private:
    guard::Ledger& ledger_;
    pool::AdminState state_ = pool::AdminState::ready;
};

}  // namespace ballast::daemon
