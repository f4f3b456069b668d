// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/fields.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// The sessions and transfers that a node has at one address of a backend.
struct BackendLoad {
    std::string pool;
    std::string backend;  ///< its configured name
    std::string address;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;

    friend bool operator==(const BackendLoad&, const BackendLoad&) = default;
};

/// What a node tells the others about itself with each heartbeat.
struct NodeFacts {
    std::string version;
    std::string state;           ///< of the whole balancer: "ready"
    std::string address;         ///< where other nodes reach it; empty: they do not
    std::string passive_ports;   ///< its own slice of them; empty: it has none
    std::uint64_t instance = 0;  ///< drawn at random when the process starts
    std::chrono::milliseconds uptime{};
    std::chrono::milliseconds heartbeat{};
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    std::vector<BackendLoad> loads;  ///< where there are any
    bool is_leaving = false;         ///< this is the last that is heard of it
};

[[nodiscard]] std::string bytes_of(const NodeFacts& facts);
/// Empty if these bytes are something else.
[[nodiscard]] std::optional<NodeFacts> facts_from(std::string_view bytes);

}  // namespace ballast::cluster
