// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

#include <span>

namespace ballast::config {

/// Checks a pool, except for its TLS, its ports and its fallback.
void check_pool(const Pool& pool, Findings findings);

/// Checks the tables of `backends`. `others` are further backends of the same pool.
void check_backends(std::span<const Backend> backends, std::span<const Backend> others,
                    Findings findings);

}  // namespace ballast::config
