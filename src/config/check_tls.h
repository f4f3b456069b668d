// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"
#include "config/places.h"

#include <vector>

namespace ballast::config {

/// Checks [listener.NAME.tls], if the listener has this table.
void check_tls(const Listener& listener, const Places& places, std::vector<Problem>& problems);

/// Checks [admin.tls], if there is this table.
void check_tls(const Admin& admin, const Places& places, std::vector<Problem>& problems);

/// Checks [pool.NAME.tls] and the resulting settings of the pool's backends. A problem belongs to
/// the backend if its own table contributes, otherwise to the pool.
void check_tls(const Pool& pool, const Places& places, std::vector<Problem>& problems);

}  // namespace ballast::config
