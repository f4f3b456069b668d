// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/load.h"

#include <map>
#include <string>
#include <vector>

namespace ballast::daemon {

/// The passwords of login probes, by the pool's name.
using ProbeSecrets = std::map<std::string, std::string>;

/// Reads each `password_file`: the first line is the secret. A file that cannot be read or does not
/// answer in time is a problem.
[[nodiscard]] ProbeSecrets read_probe_secrets(const config::Config& config,
                                              std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
