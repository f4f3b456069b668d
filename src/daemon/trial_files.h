// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <vector>

namespace ballast::daemon {

/// Finds logs that cannot be written and probe scripts that cannot be run.
void try_files(const config::Config& config, std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
