// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Finds rules for commands and arguments that have no effect, or would prevent every login.
void check_commands(const Listener& listener, Findings findings);

}  // namespace ballast::config
