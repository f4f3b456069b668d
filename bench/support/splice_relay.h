// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

#include <cstdint>

namespace ballast::bench {

/// The minimal cost of a relay: each connection to `listener` is joined to a new one to `port`, and
/// bytes go both ways through pipes of 1 MiB in the kernel. No limits, no timeouts, no counters.
/// Never returns.
[[noreturn]] void relay_by_splice(const Socket& listener, std::uint16_t port, unsigned threads);

}  // namespace ballast::bench
