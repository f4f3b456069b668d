// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Checks for addresses and ports that conflict: control addresses, the passive ports of listeners,
/// and the data ports of pools.
void check_ports(const Config& config, Findings findings);

}  // namespace ballast::config
