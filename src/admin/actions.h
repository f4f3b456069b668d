// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "base/error.h"
#include "pool/admin_state.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {

/// What the daemon does for an operator. The server and all that is called here run on the control
/// thread; each function is set. None but `reload` and `upgrade` may take long.
struct Actions {
    using Reloaded = std::move_only_function<void(ReloadReport)>;
    /// Begins a reload, or joins the one that runs. Calls back once, at once or later, on the
    /// control thread. The caller may be gone by then.
    std::move_only_function<void(Reloaded)> reload;
    using Upgraded = std::move_only_function<void(UpgradeReport)>;
    /// Replaces this process by the installed program. Calls back like `reload`.
    std::move_only_function<void(Upgraded)> upgrade;
    /// Whether the installed program is another one than this process runs.
    std::function<bool()> has_new_program;
    /// The process that serves comes first.
    std::function<std::vector<Generation>()> generations;
    /// Opens the log files again.
    std::function<base::Result<>()> reopen;
    /// False if there is no such backend. The name is the configured one, and means all addresses.
    std::function<bool(std::string_view pool, std::string_view backend, pool::AdminState)>
        administer;
    /// The whole balancer: whether it takes clients. States of single backends stay.
    std::function<void(pool::AdminState)> administer_all;
    /// In the order of the configuration.
    std::function<std::vector<BackendState>()> backends;
    std::function<BalancerState()> balancer;
};

}  // namespace ballast::admin
