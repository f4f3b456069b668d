// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/haproxy_proxy.h"

#include <string>
#include <vector>

/// Which proxies of a haproxy.cfg together serve FTP.
namespace ballast::migrate::haproxy {

/// Ports that a proxy forwards to the servers of a control connection's proxy, for passive data
/// connections.
struct DataRange {
    const Proxy* entry;
    const Bind* bind;
    base::PortRange ports;
    /// The only server behind these ports. Null: there are several.
    const Server* server = nullptr;
};

/// A frontend or listen that takes control connections, with the ranges that belong to it.
struct Service {
    const Proxy* entry = nullptr;
    /// Its default servers; `entry` itself if that is a listen. Null: `use_backend` alone decides.
    const Proxy* servers = nullptr;
    std::vector<DataRange> ranges;
};

struct Services {
    std::vector<Service> all;
    /// Proxies that only forward data connections. Each belongs to a service.
    std::vector<const Proxy*> data_proxies;
};

/// Recognises both ways in which HAProxy serves FTP: a frontend for control connections and one
/// with a range of ports for each server; and one proxy for everything, in which a client always
/// gets the same server.
[[nodiscard]] Services find_services(const Proxies& proxies);

/// The proxies with servers that this one may send its clients to; itself if it is a listen.
[[nodiscard]] std::vector<const Proxy*> targets_of(const Proxy& entry, const Proxies& proxies);

}  // namespace ballast::migrate::haproxy
