// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/gate.h"
#include "config/config.h"
#include "config/problem.h"

#include <vector>

namespace ballast::daemon {

/// What operators over TCP must show. Reads the files of tokens: one that cannot be read, or holds
/// something that is no token, is a problem.
[[nodiscard]] admin::Gate::Settings read_operator_gate(const config::Config& config,
                                                       std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
