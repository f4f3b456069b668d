// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <vector>

namespace ballast::daemon {

/// What would fail at start although the file is right: ports in use, addresses that are not this
/// machine's, files that cannot be read or written. Binds and opens, and lets go again.
[[nodiscard]] std::vector<config::Problem> try_start(const config::Config& config);

}  // namespace ballast::daemon
