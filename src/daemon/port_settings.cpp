// SPDX-License-Identifier: Apache-2.0
#include "daemon/port_settings.h"

#include <vector>

namespace ballast::daemon {

namespace {

std::vector<base::Ip> local_addresses(const config::Listener& listener) {
    std::vector<base::Ip> addresses;
    const auto add_all = [&](const std::vector<base::Address>& all) {
        for (const auto& each : all) addresses.push_back(each.ip);
    };
    add_all(listener.bind);
    add_all(listener.implicit_bind);
    if (listener.tls) add_all(listener.tls->implicit_bind);
    return addresses;
}

/// Those that clients of this listener connect to.
std::vector<base::PortRange> ranges_of(const config::Config& config,
                                       const config::Listener& listener) {
    std::vector<base::PortRange> ranges;
    if (listener.lends_ports()) ranges.push_back(listener.passive_ports);
    if (listener.mode != config::ListenerMode::passthrough) return ranges;
    for (const auto& pool : config.pools)
        for (const auto& backend : pool.backends)
            if (backend.passive_ports) ranges.push_back(*backend.passive_ports);
    return ranges;
}

}  // namespace

net::PassivePorts::Settings port_settings(const config::Config& config) {
    net::PassivePorts::Settings settings;
    settings.rates = {.accepts = config.limits.passive_accept_rate,
                      .strays = config.limits.passive_stray_rate};
    for (const auto& listener : config.listeners) {
        for (const auto& range : ranges_of(config, listener)) {
            const net::PassivePorts::Ports ports{local_addresses(listener), range};
            settings.in_use.push_back(ports);
            if (listener.proxy_data)
                settings.proxies.push_back({ports, listener.proxy_from, listener.proxy_timeout});
        }
    }
    // Backends connect to these, at the address that their control connection comes from.
    for (const auto& pool : config.pools)
        if (pool.data_ports)
            settings.in_use.push_back(
                {{base::Ip::any(base::Family::ipv4), base::Ip::any(base::Family::ipv6)},
                 *pool.data_ports});
    return settings;
}

}  // namespace ballast::daemon
