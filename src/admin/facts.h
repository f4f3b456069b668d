// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/admin_state.h"

#include <cstdint>
#include <string>
#include <vector>

/// What operators see, as plain values: copies that stay true to their moment. shapes.h says how
/// each is shown.
namespace ballast::admin {

/// The result of a reload. The texts are those of the log: place, fault and remedy.
struct ReloadReport {
    bool applied = false;               ///< if not, nothing has changed
    std::vector<std::string> problems;  ///< why it was not applied
    std::vector<std::string> warnings;
    std::vector<std::string> needs_restart;  ///< settings that differ and stay as they were
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

}  // namespace ballast::admin
