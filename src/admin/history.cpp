// SPDX-License-Identifier: Apache-2.0
#include "admin/history.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace ballast::admin {

void History::add(Moment now, const BalancerState& balancer,
                  const std::vector<BackendState>& backends) {
    using Key = std::tuple<std::string, std::string, std::string>;
    std::map<Key, std::vector<std::uint64_t>> former;
    for (auto& each : backends_)
        former[{each.pool, each.backend, each.address}] = std::move(each.bytes_per_second);
    backends_.clear();
    Sample sample{.at = now, .sessions = balancer.sessions};
    for (const auto& each : backends) {
        sample.transfers += each.transfers;
        sample.bytes_per_second += each.bytes_per_second;
        auto rates = std::move(former[{each.pool, each.backend, each.address}]);
        if (rates.size() >= samples_max) rates.erase(rates.begin());
        rates.push_back(each.bytes_per_second);
        backends_.push_back({each.pool, each.backend, each.address, std::move(rates)});
    }
    if (samples_.size() >= samples_max) samples_.pop_front();
    samples_.push_back(sample);
}

}  // namespace ballast::admin
