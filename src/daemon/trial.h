// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <string>
#include <vector>

namespace ballast::daemon {

struct Trial {
    /// To look names up, which takes seconds, and to warn of what the daemon watches by itself:
    /// names that are not found, and certificates that expire.
    bool asks_names = false;
    /// The file that is checked: where a running Ballast of it, or of what it is a copy of, holds
    /// an address, nothing is wrong with that. Empty: every address has to be free.
    std::string running_file;
};

struct Tried {
    std::vector<config::Problem> problems;
    std::string not_bound;  ///< what was not tried because the running one holds it; empty: nothing
};

/// What would fail at start besides what is wrong with the text: ports in use, addresses that are
/// not this machine's, files that cannot be read or written; and warnings, such as of secrets that
/// everybody may read. Binds and opens, and lets go again. The configuration may have errors: what
/// was refused is passed over. Backends that lead back to this very configuration are among it.
[[nodiscard]] Tried try_start(const config::Config& config, const Trial& trial);

}  // namespace ballast::daemon
