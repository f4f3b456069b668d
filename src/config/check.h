// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"
#include "config/places.h"

#include <vector>

namespace ballast::config {

/// Checks what no single value shows: contradictions, names that do not exist, and missing
/// settings. Only collects problems. Skips refused values, which have been reported.
void check(const Config& config, const Places& places, std::vector<Problem>& problems);

}  // namespace ballast::config
