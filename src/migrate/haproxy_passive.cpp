// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_passive.h"

#include "base/address.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace ballast::migrate::haproxy {

namespace {

using base::PortRange;

constexpr PortRange usual{20000, 20099};
constexpr std::uint32_t port_max = 65535;

/// Sorted, with neighbours joined.
std::vector<PortRange> joined(std::vector<PortRange> ranges) {
    std::ranges::sort(ranges, {}, &PortRange::first);
    std::vector<PortRange> result;
    for (const auto& range : ranges) {
        const bool is_next =
            !result.empty() && range.first <= std::uint32_t{result.back().last} + 1;
        if (is_next)
            result.back().last = std::max(result.back().last, range.last);
        else
            result.push_back(range);
    }
    return result;
}

std::vector<PortRange> ports_of(const Service& service) {
    std::vector<PortRange> ports;
    ports.reserve(service.ranges.size());
    for (const auto& range : service.ranges) ports.push_back(range.ports);
    return joined(std::move(ports));
}

/// A range that nothing in the file uses. The usual one, if it can be.
PortRange unused(const Translation& it) {
    std::vector<PortRange> used;
    for (const auto& service : it.services.all) {
        std::ranges::copy(ports_of(service), std::back_inserter(used));
        for (const auto& bind : service.entry->binds)
            for (const auto& address : bind.addresses)
                if (address.is_socket) used.push_back(address.ports);
    }
    const auto is_free = [&](const PortRange& wanted) {
        return std::ranges::none_of(used,
                                    [&](const auto& range) { return range.overlaps(wanted); });
    };
    if (is_free(usual)) return usual;
    // Behind data ports that are used.
    constexpr std::uint32_t first_min = 10'000;
    for (const auto& range : joined(used)) {
        const auto first = std::uint32_t{range.last} + 1;
        const auto last = first + usual.size() - 1;
        if (first < first_min || last > port_max) continue;
        const PortRange wanted{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
        if (is_free(wanted)) return wanted;
    }
    return usual;
}

/// Empty if a server has no range for itself alone.
std::map<std::string, PortRange> slices_of(const Translation& it, const Service& service) {
    std::map<std::string, std::vector<PortRange>> by_host;
    for (const auto& range : service.ranges) {
        const auto* const server = range.server;
        if (server == nullptr || server->port_kind != PortKind::same ||
            range.bind->parameters.has("ssl"))
            return {};
        by_host[server->host].push_back(range.ports);
    }
    std::map<std::string, PortRange> slices;
    for (auto& [host, ranges] : by_host) {
        const auto whole = joined(std::move(ranges));
        if (whole.size() != 1 || !base::Ip::parse(host)) return {};
        for (const auto& [other, slice] : slices)
            if (slice.overlaps(whole.front())) return {};
        slices[host] = whole.front();
    }
    for (const auto* const target : targets_of(*service.entry, it.proxies))
        for (const auto& server : target->servers)
            if (!slices.contains(server.host) || server.parameters.has("ssl")) return {};
    return slices;
}

}  // namespace

Passive passive_of(const Translation& it, const Service& service) {
    const auto ports = ports_of(service);
    const auto free = unused(it);
    const auto largest = std::ranges::max_element(ports, {}, &PortRange::size);
    return {largest == ports.end() ? free : *largest, slices_of(it, service), free};
}

}  // namespace ballast::migrate::haproxy
