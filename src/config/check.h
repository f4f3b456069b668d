// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"
#include "config/places.h"

#include <vector>

namespace ballast::config {

/// What no single value shows: values that contradict each other, names of nothing, and what is
/// missing. Rules only collect. Values that were refused are left out, they have their problem.
void check(const Config& config, const Places& places, std::vector<Problem>& problems);

}  // namespace ballast::config
