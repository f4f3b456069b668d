// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <stop_token>
#include <string>
#include <vector>

namespace ballast::daemon {

struct Trial {
    /// Also look up names, which takes seconds, and warn of what the daemon watches itself: names
    /// that are not found, and certificates that expire.
    bool asks_names = false;
    /// The file to check. A running Ballast of this file, or of the file that it is a copy of, may
    /// hold its addresses. Empty: every address must be free.
    std::string running_file;
    /// These are listened on already, for this process.
    std::vector<base::Address> inherited = {};
    /// Ends lookups early.
    std::stop_token stop = {};
};

struct Tried {
    std::vector<config::Problem> problems;
    std::string not_bound;  ///< addresses not tried because the running one holds them; empty: none
};

/// Finds what would fail at start although the text is right: ports in use, addresses of other
/// machines, files that cannot be read or written, backends that lead back to this configuration.
/// Also gives warnings, for example of secrets that everybody may read. Opens and closes everything
/// it tests. Skips settings that were refused.
[[nodiscard]] Tried try_start(const config::Config& config, const Trial& trial);

}  // namespace ballast::daemon
