// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <vector>

namespace ballast::daemon {

/// What would fail at start although the file is right: ports in use, addresses that are not this
/// machine's, files that cannot be read or written. Binds and opens, and lets go again.
/// Backends that lead back to this very configuration are among it; with `asks_names` those too
/// whose names have to be looked up, which may take seconds.
[[nodiscard]] std::vector<config::Problem> try_start(const config::Config& config, bool asks_names);

}  // namespace ballast::daemon
