// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <string>
#include <vector>

namespace ballast::config {

/// The settings that differ and take effect only at the next start: with both values and the
/// reason. `running` is the configuration of the start.
[[nodiscard]] std::vector<std::string> needs_restart(const Config& running, const Config& wanted);

}  // namespace ballast::config
