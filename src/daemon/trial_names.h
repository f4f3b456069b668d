// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <vector>

namespace ballast::daemon {

/// Backends, those of the watched files too, that lead back to a listener of this configuration.
/// With `asks_names` names are looked up for it, which takes three seconds at most, and those that
/// are not found are warned of.
void try_names(const config::Config& config, bool asks_names,
               std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
