// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// Checks [pool.NAME.probe].
void check_probe(const Pool& pool, Findings findings);

}  // namespace ballast::config
