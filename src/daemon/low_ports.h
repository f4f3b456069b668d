// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <cstdint>
#include <string>

namespace ballast::daemon {

/// The first port that a process may bind without CAP_NET_BIND_SERVICE: 1024, or
/// net.ipv4.ip_unprivileged_port_start.
[[nodiscard]] std::uint32_t first_unprivileged_port();

/// The ports below `first` that Ballast binds with this configuration, for listening or as the
/// source of connections: "20, 21 and 600-609". Empty: none.
[[nodiscard]] std::string ports_below(std::uint32_t first, const config::Config& config);

}  // namespace ballast::daemon
