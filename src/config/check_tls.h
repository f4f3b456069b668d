// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/load.h"
#include "config/places.h"

#include <vector>

namespace ballast::config {

/// What `check` has to say about [listener.NAME.tls]. Nothing if the listener has no such table.
void check_tls(const Listener& listener, const Places& places, std::vector<Problem>& problems);

/// What it has to say about [pool.NAME.tls] and what the pool's backends make of it. A problem is
/// the backend's if its own table has a part in it, else it is the pool's.
void check_tls(const Pool& pool, const Places& places, std::vector<Problem>& problems);

}  // namespace ballast::config
