// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "config/config.h"
#include "daemon/operators.h"

#include <string>
#include <vector>

namespace ballast::daemon {

/// The name of this balancer among the nodes.
[[nodiscard]] std::string node_name(const config::Cluster& cluster);

/// What operators see of the balancers that share a store with this one, and ask them. Belongs to
/// the control thread.
class Nodes {
public:
    /// `operators` outlives it and the actions.
    Nodes(const config::Cluster& cluster, const Operators& operators)
        : name_(node_name(cluster)), operators_(operators) {}

    /// Sets what is about other nodes.
    void add_to(admin::Actions& actions) const;

private:
    [[nodiscard]] admin::NodeState self() const;

    const std::string name_;
    const admin::Moment began_ = std::chrono::system_clock::now();
    const Operators& operators_;
};

}  // namespace ballast::daemon
