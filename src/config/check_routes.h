// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// What `check` has to say about where a listener's sessions go: its pool and its routes.
void check_routes(const Config& config, const Listener& listener, Findings findings);

}  // namespace ballast::config
