// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Checks that each log has its own file.
void check_logs(const Config& config, Findings findings);

}  // namespace ballast::config
