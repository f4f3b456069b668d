// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Settings that contradict `data = "direct"`, or have no effect without it.
void check_data_path(const Config& config, Findings findings);

}  // namespace ballast::config
