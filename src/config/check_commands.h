// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Rules for commands and arguments that can have no effect, or would let nobody log in.
void check_commands(const Listener& listener, Findings findings);

}  // namespace ballast::config
