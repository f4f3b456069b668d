// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <string>
#include <vector>

namespace ballast::daemon {

struct Trial {
    /// To find backends behind names that lead back, which may take seconds.
    bool asks_names = false;
    /// The file that is checked: where a running Ballast of it, or of what it is a copy of, holds
    /// an address, nothing is wrong with that. Empty: every address has to be free.
    std::string running_file;
};

struct Tried {
    std::vector<config::Problem> problems;
    std::string not_bound;  ///< what was not tried because the running one holds it; empty: nothing
};

/// What would fail at start although the file is right: ports in use, addresses that are not this
/// machine's, files that cannot be read or written. Binds and opens, and lets go again.
/// Backends that lead back to this very configuration are among it.
[[nodiscard]] Tried try_start(const config::Config& config, const Trial& trial);

}  // namespace ballast::daemon
