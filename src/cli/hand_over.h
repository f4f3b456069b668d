// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/port_range.h"

#include <expected>
#include <span>
#include <string>
#include <vector>

namespace ballast::cli {

/// What a node's machine tells of its data connections.
struct NodePorts {
    std::string node;
    std::vector<base::Ip> addresses;     ///< its own, one of each family at most
    std::vector<base::PortRange> ports;  ///< of the service's addresses; no other node's
};

/// The commands that let data connections which the network brings to this machine, although they
/// are another node's, go on to that node: for a shell. Nothing is translated and no state is kept,
/// so the node sees the client's own address. All nodes must be in one network.
///
/// `service` are the addresses that clients connect to; an unspecified one (0.0.0.0) means all of
/// this machine but its own in `self`. The error says what is wrong, in a sentence.
[[nodiscard]] std::expected<std::string, std::string> hand_over_rules(
    std::span<const base::Ip> service, const NodePorts& self, std::span<const NodePorts> others);

}  // namespace ballast::cli
