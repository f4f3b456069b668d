// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// What keeps sessions and downloads of a pool from moving to another backend.
void check_failover(const Pool& pool, Findings findings);

}  // namespace ballast::config
