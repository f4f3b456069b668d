// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

#include <string>
#include <vector>

namespace ballast::config {

/// What `check` has to say about passthrough: that there is what it needs at the backends that its
/// clients can be led to, that every port leads to one server, and that nothing is set that has no
/// effect.
void check_passthrough(const Config& config, Findings findings);

/// What no setting can make work, for administrators to know before their users do.
[[nodiscard]] std::vector<Problem> limits_of_passthrough(const Config& config);

}  // namespace ballast::config
