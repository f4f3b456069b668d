// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "ftp/reply.h"
#include "session/pools.h"

namespace ballast::session {

/// The 220 for a client of this listener. Uses only known facts and asks no backend.
[[nodiscard]] ftp::Reply greeting(const config::Listener& listener, const Pools& pools);

}  // namespace ballast::session
