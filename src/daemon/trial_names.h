// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <vector>

namespace ballast::daemon {

/// Finds backends, also in watched files, that lead back to a listener of this configuration. With
/// `asks_names` it looks up names, for at most three seconds in all, and warns of those not found.
void try_names(const config::Config& config, bool asks_names,
               std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
