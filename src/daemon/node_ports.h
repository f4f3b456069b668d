// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "config/config.h"

#include <vector>

namespace ballast::daemon {

/// The ports of this node's data connections with clients: `passive_ports`, and a fixed
/// `active_source_port`. Sorted, without overlap. Where the network brings data connections to any
/// node, each node needs ports of its own, so that they can go on to the right one.
[[nodiscard]] std::vector<base::PortRange> node_ports(const config::Config& config);

}  // namespace ballast::daemon
