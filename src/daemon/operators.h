// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "daemon/availability.h"
#include "daemon/inheritance.h"
#include "daemon/worker.h"
#include "guard/ledger.h"
#include "pool/admin_state.h"
#include "session/pools.h"

#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::daemon {

/// What operators see of the pools and do to them. Belongs to the
/// control thread, and outlives its actions.
class Operators {
public:
    /// `pools` gives those that serve now. All parts outlive this object.
    Operators(std::function<const session::Pools&()> pools, guard::Ledger& ledger,
              const std::vector<std::unique_ptr<Worker>>& workers)
        : pools_(std::move(pools)), workers_(workers), availability_(ledger) {}

    /// Without those of the process as a whole: reload, upgrade and generations.
    [[nodiscard]] admin::Actions actions();
    /// What operators have decided, for the process that replaces this one.
    [[nodiscard]] std::vector<Inheritance::Decision> decisions() const;
    void decide(const Inheritance::Decision& decision);
    /// Of this process.
    [[nodiscard]] admin::Generation load() const;
    /// To be called after a reload: what holds for the whole balancer holds for new pools, too.
    void pools_changed();

private:
    [[nodiscard]] bool administer(std::string_view pool, std::string_view backend,
                                  pool::AdminState state);
    void administer_all(pool::AdminState state);
    [[nodiscard]] std::vector<admin::BackendState> backends() const;
    [[nodiscard]] admin::BalancerState balancer() const;

    const std::function<const session::Pools&()> pools_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
    Availability availability_;
};

}  // namespace ballast::daemon
