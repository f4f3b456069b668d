// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "net/passive_ports.h"

namespace ballast::daemon {

/// The ports for data connections that a configuration uses, and the proxies in front of them.
[[nodiscard]] net::PassivePorts::Settings port_settings(const config::Config& config);

}  // namespace ballast::daemon
