// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Checks that fallbacks lead to existing pools, and to an end.
void check_fallbacks(const Config& config, Findings findings);

}  // namespace ballast::config
