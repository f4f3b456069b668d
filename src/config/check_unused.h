// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Pools that no session comes to: neither a listener, nor a route, nor a fallback leads there.
void check_unused(const Config& config, Findings findings);

}  // namespace ballast::config
