// SPDX-License-Identifier: Apache-2.0
#include "migrate/lvs_ports.h"

#include <algorithm>
#include <set>

namespace ballast::migrate {

namespace {

constexpr std::uint32_t passive_size = 100;
constexpr std::uint32_t slice_size = 20;
/// Below the ports of outgoing connections, net.ipv4.ip_local_port_range.
constexpr std::uint32_t first_passive = 20000;
constexpr std::uint32_t first_slice = 21000;
constexpr std::uint32_t ports_end = 65536;
/// A wider gap means that the ports are not one range.
constexpr std::uint32_t said_size_max = 20000;

base::PortRange range(std::uint32_t first, std::uint32_t size) {
    return {static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(first + size - 1)};
}

}  // namespace

LvsPorts::LvsPorts(const std::vector<Part>& parts) {
    std::set<std::uint16_t> data;
    for (const auto& part : parts)
        for (std::size_t i = 0; i < part.service->addresses.size(); ++i) {
            const auto port = part.service->addresses[i].port;
            if (part.roles[i] == Role::data && port >= 1024)
                data.insert(port);
            else
                control_.push_back(port);
        }
    if (data.size() > 1) {
        passive_ = {*data.begin(), *data.rbegin()};
        is_said_ = passive_.size() <= said_size_max && is_free(passive_);
    }
    if (!is_said_) {
        auto first = first_passive;
        while (!is_free(range(first, passive_size)) && first + 2 * passive_size < ports_end)
            first += passive_size;
        passive_ = range(first, passive_size);
    }
    next_slice_ = first_slice;
}

bool LvsPorts::is_free(const base::PortRange& range) const {
    return std::ranges::none_of(control_, [&](auto port) { return range.contains(port); });
}

base::PortRange LvsPorts::slice_of(const base::Ip& server) {
    const auto [slice, is_new] = slices_.try_emplace(server);
    if (!is_new) return slice->second;
    while (next_slice_ + slice_size < ports_end) {
        slice->second = range(next_slice_, slice_size);
        next_slice_ += slice_size;
        if (is_free(slice->second) && !slice->second.overlaps(passive_)) break;
    }
    return slice->second;
}

}  // namespace ballast::migrate
