// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/haproxy_translation.h"

#include <map>
#include <string>

namespace ballast::migrate::haproxy {

/// The ports of a service's passive data connections.
struct Passive {
    /// For a listener that speaks FTP itself: what HAProxy forwarded, if that is one range.
    base::PortRange ports;
    /// Each server's own range, by its address. Empty: the servers have none, or share one.
    std::map<std::string, base::PortRange> slices;
    /// Beside the slices, for clients without TLS.
    base::PortRange for_plain;
};

[[nodiscard]] Passive passive_of(const Translation& it, const Service& service);

}  // namespace ballast::migrate::haproxy
