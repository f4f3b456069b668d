// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Each log has a file of its own.
void check_logs(const Config& config, Findings findings);

}  // namespace ballast::config
