// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/findings.h"

#include <span>

namespace ballast::config {

/// What `check` has to say about a pool, but for its TLS, its ports and its fallback.
void check_pool(const Pool& pool, Findings findings);

/// What it has to say about the tables of `backends`, which share their pool with `others`.
void check_backends(std::span<const Backend> backends, std::span<const Backend> others,
                    Findings findings);

}  // namespace ballast::config
