// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <string>
#include <vector>

namespace ballast::daemon {

/// The commands that make this machine ready for pools with `source = "client"`, for a shell.
/// Empty: no pool needs them.
[[nodiscard]] std::string source_rules(const config::Config& config);

/// Warns of everything that the pools' `source` needs and this machine does not have.
void try_sources(const config::Config& config, std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
