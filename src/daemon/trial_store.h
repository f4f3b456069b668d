// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <vector>

namespace ballast::daemon {

/// Reads the files that the store of [cluster] needs, and adds what is wrong with them to
/// `problems`. Does not connect to the store: a start does not need it.
void try_store_files(const config::Config& config, std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
