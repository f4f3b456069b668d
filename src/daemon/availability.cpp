// SPDX-License-Identifier: Apache-2.0
#include "daemon/availability.h"

#include "base/log.h"
#include "events/bus.h"

#include <utility>

namespace ballast::daemon {

using pool::AdminState;

void Availability::set(AdminState state, Workers workers, const session::Pools& pools) {
    if (std::exchange(state_, state) == state) return;
    log::write_each(log::Level::info, "balancer state changed by the administrator",
                    {{"state", to_string(state)}});
    events::publish(events::Kind::balancer_state, {{"state", to_string(state)}});
    // A session that began before this is told to end below, and no other begins.
    ledger_.admit_none(state != AdminState::ready);
    for (const auto& each : pools.all()) apply_to(*each.pool);
    if (state < AdminState::draining_idle) return;
    for (const auto& worker : workers) worker->end_sessions();
}

/// In the milder states the sessions that are there may still log in.
void Availability::apply_to(pool::Pool& pool) const {
    pool.administer_all(state_ == AdminState::disabled ? AdminState::disabled : AdminState::ready);
}

}  // namespace ballast::daemon
