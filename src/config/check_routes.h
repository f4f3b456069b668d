// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Checks where a listener's sessions go: its pool and its routes.
void check_routes(const Config& config, const Listener& listener, Findings findings);

}  // namespace ballast::config
