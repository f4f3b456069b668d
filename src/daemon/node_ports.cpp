// SPDX-License-Identifier: Apache-2.0
#include "daemon/node_ports.h"

#include <algorithm>

namespace ballast::daemon {

std::vector<base::PortRange> node_ports(const config::Config& config) {
    std::vector<base::PortRange> ranges;
    for (const auto& listener : config.listeners) {
        if (listener.lends_ports()) ranges.push_back(listener.passive_ports);
        const auto& source = listener.active_source_port;
        if (source.kind == config::ActiveSource::Kind::fixed)
            ranges.push_back({source.port, source.port});
    }
    std::ranges::sort(ranges, {}, &base::PortRange::first);
    std::vector<base::PortRange> result;
    for (const auto& range : ranges) {
        const bool is_joined = !result.empty() && range.first <= result.back().last + 1;
        if (is_joined)
            result.back().last = std::max(result.back().last, range.last);
        else
            result.push_back(range);
    }
    return result;
}

}  // namespace ballast::daemon
