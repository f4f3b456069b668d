// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/metrics_page.h"
#include "base/error.h"
#include "cluster/fleet.h"
#include "cluster/redis_store.h"
#include "config/config.h"
#include "daemon/operators.h"
#include "daemon/serving.h"
#include "guard/ledger.h"
#include "loop/task.h"
#include "net/secret.h"
#include "net/socket_network.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// The name of this balancer among the nodes.
[[nodiscard]] std::string node_name(const config::Cluster& cluster);

/// This balancer as a node: what it shares with others through a store, and what operators see of
/// them. Without a store it is alone. Belongs to the control thread.
class Nodes {
public:
    struct Parts {
        loop::WorkerLoop& control;
        net::SocketNetwork& network;
        Serving& serving;
        Operators& operators;
        guard::Ledger& ledger;
        /// What operators have decided at another node, and what is in force here now.
        std::function<void(const Inheritance::Decision&)> note;
        /// Answers an operator of another node.
        std::function<loop::Task<std::string>(std::string question)> answer;
    };
    /// All parts outlive it, and it outlives its actions.
    Nodes(const config::Cluster& cluster, Parts parts);
    ~Nodes();
    Nodes(const Nodes&) = delete;
    Nodes& operator=(const Nodes&) = delete;

    /// Reads the files that the store needs. Connects to nothing. After an error do not use it.
    [[nodiscard]] base::Result<> open(const config::Cluster& cluster, std::uint64_t seed);
    /// Begins to share, when this process serves.
    void start();
    /// After each reload: there may be other pools and listeners, and other files of the store.
    void reloaded();
    /// Another process is about to take this one's name: this one goes on as NAME.PID, whose
    /// sessions still count.
    void give_name_away();
    /// That process has failed.
    void take_name_back();
    /// Before what answers other nodes ends.
    void stop_answering();
    /// Says goodbye to the others. Takes no longer than some time-outs of the store.
    [[nodiscard]] loop::Task<> leave();

    /// Sets what is about other nodes.
    void add_to(admin::Actions& actions);
    /// Empty without a store.
    [[nodiscard]] std::optional<admin::MetricsSnapshot::Cluster> figures() const;

private:
    void share_what_is_served();
    [[nodiscard]] cluster::NodeFacts look() const;
    [[nodiscard]] bool obey(const cluster::Decision& decision);
    [[nodiscard]] cluster::Probes::Parts probing() const;
    void tell_probes();
    [[nodiscard]] std::vector<admin::NodeState> all() const;
    [[nodiscard]] loop::Task<base::Result<std::string>> ask(std::string node, std::string question,
                                                            loop::Time::duration patience);

    const std::string name_;
    const std::string address_;
    const bool probes_for_all_;
    const admin::Moment began_ = std::chrono::system_clock::now();
    const Parts parts_;
    bool is_replaced_ = false;
    std::shared_ptr<const net::Secret> secret_;
    std::unique_ptr<cluster::RedisStore> store_;
    std::optional<cluster::Fleet> fleet_;
};

}  // namespace ballast::daemon
