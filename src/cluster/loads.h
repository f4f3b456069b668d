// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/node.h"
#include "cluster/nodes.h"
#include "cluster/shared_pools.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace ballast::cluster {

/// Takes what nodes have on each backend from the pools to the other nodes, and from them to the
/// pools.
///
/// A node lets a client in if its own sessions and those that it knows of the others are fewer than
/// `max_sessions`. So the limit can be exceeded by what the others have let in since it last heard
/// of them: within one heartbeat and the store's delay. When few places are left, nodes tell of
/// each change within a twentieth of a heartbeat.
class Loads {
public:
    Loads(const Exchange& exchange, const SharedPools& pools, Nodes& nodes)
        : exchange_(exchange), pools_(pools), nodes_(nodes) {}

    /// Of this node, where there are any.
    [[nodiscard]] std::vector<BackendLoad> own() const;
    /// What another node has is something else now. The pools hear of it at once, but not more
    /// often than `ticks_per_beat` times per heartbeat.
    void others_changed();
    /// Once per heartbeat.
    void beat();
    /// `ticks_per_beat` times per heartbeat.
    void tick();
    static constexpr int ticks_per_beat = 20;
    /// Other pools are served now.
    void tell_pools();

private:
    const Exchange& exchange_;
    const SharedPools& pools_;
    Nodes& nodes_;
    bool has_changed_ = false;  // and the pools were not told
    loop::Time told_pools_at_;
    bool is_nearly_full_ = false;
    std::vector<BackendLoad> told_;
    /// The sessions at all nodes, one heartbeat ago.
    std::map<std::pair<std::string, pool::BackendId>, std::uint64_t> before_;
};

}  // namespace ballast::cluster
