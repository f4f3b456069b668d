// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// What `check` has to say about where fallbacks lead: to pools that exist, and to an end.
void check_fallbacks(const Config& config, Findings findings);

}  // namespace ballast::config
