// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <stop_token>
#include <vector>

namespace ballast::daemon {

/// Finds backends, also in watched files, that lead back to a listener of this configuration. With
/// `asks_names` it looks up names, for at most three seconds in all, and warns of those not found.
/// After a stop request no name is found.
void try_names(const config::Config& config, bool asks_names,
               std::vector<config::Problem>& problems, const std::stop_token& stop);

}  // namespace ballast::daemon
