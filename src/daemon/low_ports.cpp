// SPDX-License-Identifier: Apache-2.0
#include "daemon/low_ports.h"

#include <fmt/format.h>
#include <fstream>
#include <set>
#include <utility>
#include <vector>

namespace ballast::daemon {

namespace {

using Ports = std::set<std::uint32_t>;

void add_range(Ports& ports, const base::PortRange& range) {
    for (std::uint32_t port = range.first; port <= range.last; ++port) ports.insert(port);
}

void add_listener(Ports& ports, const config::Listener& listener) {
    Ports control;
    const auto add = [&](const std::vector<base::Address>& addresses) {
        for (const auto& address : addresses) control.insert(address.port);
    };
    add(listener.bind);
    add(listener.implicit_bind);
    if (listener.tls) add(listener.tls->implicit_bind);
    using Kind = config::ActiveSource::Kind;
    const auto& source = listener.active_source_port;
    if (source.kind == Kind::fixed) ports.insert(source.port);
    if (source.kind == Kind::below_control)
        for (const auto port : control)
            if (port > 0) ports.insert(port - 1);
    ports.merge(control);
    if (listener.lends_ports()) add_range(ports, listener.passive_ports);
}

/// "20", or "600-609"
std::vector<std::string> runs_below(std::uint32_t first, const Ports& ports) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
    for (const auto port : ports) {
        if (port == 0 || port >= first) continue;  // 0: the system chooses
        if (!runs.empty() && runs.back().second + 1 == port)
            runs.back().second = port;
        else
            runs.emplace_back(port, port);
    }
    std::vector<std::string> result;
    result.reserve(runs.size());
    for (const auto& [from, to] : runs)
        result.push_back(from == to ? fmt::format("{}", from) : fmt::format("{}-{}", from, to));
    return result;
}

}  // namespace

std::uint32_t first_unprivileged_port() {
    std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    std::uint32_t first = 0;
    return file >> first ? first : 1024;
}

std::string ports_below(std::uint32_t first, const config::Config& config) {
    Ports ports;
    for (const auto& listener : config.listeners) add_listener(ports, listener);
    for (const auto& pool : config.pools) {
        if (pool.data_ports) add_range(ports, *pool.data_ports);
        for (const auto& backend : pool.backends)
            if (backend.passive_ports) add_range(ports, *backend.passive_ports);
    }
    const auto runs = runs_below(first, ports);
    std::string result;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (i > 0) result += i + 1 == runs.size() ? " and " : ", ";
        result += runs[i];
    }
    return result;
}

}  // namespace ballast::daemon
