// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

/// What the last minutes were like, for whoever begins to look now.
namespace ballast::admin {

/// The whole balancer at one moment.
struct Sample {
    Moment at;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    std::uint64_t bytes_per_second = 0;
};

/// One address of one backend. The latest value is the last; a backend that is new has fewer.
struct BackendHistory {
    std::string pool;
    std::string backend;
    std::string address;
    std::vector<std::uint64_t> bytes_per_second;
};

/// Samples in a fixed space. No clock. Belongs to the control thread.
class History {
public:
    static constexpr auto interval = std::chrono::seconds(5);
    static constexpr std::size_t samples_max = 180;  // a quarter of an hour

    void add(Moment now, const BalancerState& balancer, const std::vector<BackendState>& backends);
    /// The oldest first.
    [[nodiscard]] const std::deque<Sample>& samples() const { return samples_; }
    /// Backends that a reload has removed are gone.
    [[nodiscard]] const std::vector<BackendHistory>& backends() const { return backends_; }

private:
    std::deque<Sample> samples_;
    std::vector<BackendHistory> backends_;
};

}  // namespace ballast::admin
