// SPDX-License-Identifier: Apache-2.0
#include "daemon/nodes.h"

#include <array>
#include <unistd.h>

namespace ballast::daemon {

std::string node_name(const config::Cluster& cluster) {
    if (!cluster.node.empty()) return cluster.node;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
    return name.data();
}

admin::NodeState Nodes::self() const {
    const auto load = operators_.load();
    return {.name = name_,
            .is_self = true,
            .state = std::string(pool::to_string(operators_.state())),
            .store = "none",
            .version = BALLAST_VERSION,
            .since = began_,
            .sessions = load.sessions,
            .transfers = load.transfers};
}

void Nodes::add_to(admin::Actions& actions) const {
    actions.nodes = [this] { return std::vector{self()}; };
}

}  // namespace ballast::daemon
