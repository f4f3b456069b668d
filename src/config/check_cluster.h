// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

namespace ballast::config {

/// The addresses of the store belong together, and nothing goes there that others could read.
void check_cluster(const Cluster& cluster, Findings findings);

}  // namespace ballast::config
