// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Finds pools that no listener, route or fallback leads to.
void check_unused(const Config& config, Findings findings);

}  // namespace ballast::config
