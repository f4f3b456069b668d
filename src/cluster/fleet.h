// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/nodes.h"
#include "cluster/states.h"
#include "cluster/store.h"
#include "loop/loop.h"
#include "net/secret.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ballast::cluster {

/// This balancer as one of several. Knows the other nodes, and shares with them what operators
/// decide. Nothing waits for the store: what the others know is a local copy. Belongs to the
/// control thread.
class Fleet {
public:
    struct Settings {
        std::string node;
        std::chrono::milliseconds heartbeat{};
        std::uint64_t seed = 0;  ///< drawn anew for each process
    };
    struct Parts {
        /// What this node has now. `instance`, `uptime` and `heartbeat` do not matter.
        Nodes::Look look;
        /// Does here what an operator has decided at another node. False: there is no such backend
        /// now. It must not be told to `decided`.
        States::Obey obey;
    };
    /// The store and the secret outlive it.
    Fleet(loop::Loop& loop, Store& store, const net::Secret& secret, const Settings& settings,
          Parts parts);

    void start() { exchange_.start(); }
    /// Says goodbye, so that the others do not wait for this node's heartbeats. Takes no longer
    /// than the store's time-out.
    [[nodiscard]] loop::Task<> leave() { return exchange_.stop_with(nodes_.farewell()); }
    /// Before the process that replaces this one takes its name: this one goes on as another node,
    /// whose sessions still count.
    void go_on_as(std::string node) { exchange_.rename(std::move(node)); }

    /// An operator has decided this here.
    void decided(const Decision& decision) { states_.decided(decision); }
    /// After a reload.
    void backends_changed() { states_.backends_changed(); }

    /// This node first.
    [[nodiscard]] std::vector<Node> nodes() const { return nodes_.all(); }
    [[nodiscard]] const Exchange::State& store() const { return exchange_.state(); }

private:
    Exchange exchange_;
    Nodes nodes_;
    States states_;
};

}  // namespace ballast::cluster
