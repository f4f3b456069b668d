// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

#include <string>

namespace ballast::config {

/// Checks that the value of `key` names a pool. An empty value names none.
void check_pool_name(const Config& config, const std::string& key, const std::string& name,
                     Findings findings);

}  // namespace ballast::config
