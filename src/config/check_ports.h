// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// What `check` has to say about addresses and ports that are in each other's way: control
/// addresses, the passive ports of listeners, and the data ports of pools.
void check_ports(const Config& config, Findings findings);

}  // namespace ballast::config
