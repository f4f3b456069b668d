// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

#include <string>
#include <vector>

namespace ballast::config {

/// Checks passthrough listeners and the pools that they use. The backends must have what
/// passthrough needs, each port must lead to one server, and no setting may be without effect.
void check_passthrough(const Config& config, Findings findings);

/// What cannot work with passthrough, whatever the settings. Administrators should know it before
/// their users notice.
[[nodiscard]] std::vector<Problem> limits_of_passthrough(const Config& config);

}  // namespace ballast::config
