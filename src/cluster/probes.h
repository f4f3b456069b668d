// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "cluster/exchange.h"
#include "cluster/shared_pools.h"
#include "cluster/topic.h"
#include "loop/loop.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// What a probe found out about one backend of one pool.
struct ProbeOutcome {
    std::string pool;
    std::string backend;  ///< its configured name
    base::Address address;
    std::string problem;  ///< empty: the probe passed
    loop::Time::duration took{};
};

/// With `probes = "one"` one node probes the backends for all of them. The others listen, and probe
/// themselves while they hear nothing of a pool, or the store is away.
class Probes final : public Topic {
public:
    struct Parts {
        /// Whether another node probes this pool's backends.
        std::function<void(const std::string& pool, bool wanted)> set_silent;
        std::function<void(const ProbeOutcome&)> take;
    };
    /// Without `parts` each node probes for itself.
    Probes(Exchange& exchange, const SharedPools& pools, Parts parts)
        : exchange_(exchange), pools_(pools), parts_(std::move(parts)) {}

    /// It was made here.
    void probed(const ProbeOutcome& outcome);
    /// Once per heartbeat, whether the store can be reached or not.
    void look();

    [[nodiscard]] std::string_view name() const override { return "probes"; }
    [[nodiscard]] bool has_table() const override { return false; }
    void hear(const Message& message) override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;

private:
    [[nodiscard]] bool is_heard(const std::string& pool) const;

    Exchange& exchange_;
    const SharedPools& pools_;
    const Parts parts_;
    std::map<std::string, loop::Time, std::less<>> heard_at_;  // by pool
    std::map<std::string, bool, std::less<>> is_silent_;       // by pool
    std::deque<std::string> due_;
};

}  // namespace ballast::cluster
