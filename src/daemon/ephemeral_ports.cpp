// SPDX-License-Identifier: Apache-2.0
#include "daemon/ephemeral_ports.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <ranges>
#include <string>

namespace ballast::daemon {

namespace {

std::string_view without_line_end(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Files of /proc have no size, so do not use `base::read_file`.
std::string content_of(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::optional<EphemeralPorts> EphemeralPorts::parse(std::string_view range,
                                                    std::string_view reserved) {
    EphemeralPorts ports;
    std::string text(without_line_end(range));
    std::ranges::replace(text, '\t', '-');
    const auto all = base::PortRange::parse(text);
    if (!all) return std::nullopt;
    ports.range_ = *all;
    for (const auto part : std::views::split(without_line_end(reserved), ','))
        if (const auto each = base::PortRange::parse({part.begin(), part.end()}))
            ports.reserved_.push_back(*each);
    return ports;
}

std::optional<EphemeralPorts> EphemeralPorts::of_this_machine() {
    return parse(content_of("/proc/sys/net/ipv4/ip_local_port_range"),
                 content_of("/proc/sys/net/ipv4/ip_local_reserved_ports"));
}

bool EphemeralPorts::meet(const base::PortRange& ports) const {
    const auto is_reserved = [&](std::uint16_t port) {
        return std::ranges::any_of(reserved_,
                                   [&](const auto& each) { return each.contains(port); });
    };
    for (std::uint32_t port = ports.first; port <= ports.last; ++port) {
        const auto each = static_cast<std::uint16_t>(port);
        if (range_.contains(each) && !is_reserved(each)) return true;
    }
    return false;
}

}  // namespace ballast::daemon
