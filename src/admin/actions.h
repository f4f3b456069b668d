// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "pool/admin_state.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::admin {

/// The result of a reload. The texts are those of the log: place, fault and remedy.
struct ReloadReport {
    bool applied = false;               ///< if not, nothing has changed
    std::vector<std::string> problems;  ///< why it was not applied
    std::vector<std::string> warnings;
    std::vector<std::string> needs_restart;  ///< settings that differ and stay as they were
};

/// One address of one backend.
struct BackendState {
    std::string pool;
    std::string backend;  ///< the configured name
    std::string address;
    pool::AdminState admin = pool::AdminState::ready;
    std::string health;  ///< "up", "down" or "unknown"
    bool is_ejected = false;
    bool is_backup = false;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
};

struct BalancerState {
    pool::AdminState admin = pool::AdminState::ready;
    std::uint32_t sessions = 0;  ///< of all listeners, also those that have no backend yet
};

struct UpgradeReport {
    std::int64_t pid = 0;  ///< of the process that serves now; 0: there is none, see `problem`
    std::string problem;
};

/// A process of Ballast: the one that serves, or one that it has replaced and that finishes its
/// sessions.
struct Generation {
    std::int64_t pid = 0;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
};

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
