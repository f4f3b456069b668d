// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"

#include <cstdint>
#include <vector>

namespace ballast::bench {

/// The control port of the server and all of its data ports, on `host`.
[[nodiscard]] std::vector<Socket> relay_listeners(std::uint16_t control_port, Host host);

/// The minimal cost of a relay: each connection is joined to a new one to the same port of
/// 127.0.0.1, and bytes go both ways through pipes of 1 MiB in the kernel. No limits, no timeouts,
/// no counters. Never returns.
[[noreturn]] void relay_by_splice(const std::vector<Socket>& listeners, unsigned threads);

}  // namespace ballast::bench
