// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// The paths of [admin] must mean the same file for the daemon and for its operators, wherever they
/// run. Nobody from another machine may operate without TLS and a token.
void check_admin(const Admin& admin, Findings findings);

}  // namespace ballast::config
