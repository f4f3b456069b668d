// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/places.h"
#include "config/problem.h"

#include <vector>

namespace ballast::config {

/// Settings that keep transfers of a listener with `data_path = "kernel"` from the kernel: errors
/// if it can carry none of them, else warnings. What decides about a single transfer is in
/// session/data_path.h.
void check_kernel_path(const Config& config, const Places& places, std::vector<Problem>& problems);

/// The same for listeners with `data_path = "auto"`, where being relayed is no problem: for notes.
[[nodiscard]] std::vector<Problem> limits_of_kernel_path(const Config& config);

}  // namespace ballast::config
