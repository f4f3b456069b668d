// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/nodes.h"
#include "cluster/topic.h"
#include "guard/ledger.h"
#include "guard/sharing.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::cluster {

/// How many sessions users and addresses have at each node. They are known by keyed hashes alone.
///
/// With each heartbeat a message tells those that have changed. The table has all of them, in
/// slices by the first bits of the hash: one slice is written with each heartbeat, so that what was
/// missed is made good after so many heartbeats, and a node that starts learns all at once.
class Counts final : public Topic {
public:
    static constexpr std::size_t slices = 16;

    Counts(Exchange& exchange, const Nodes& nodes, guard::Ledger& ledger)
        : exchange_(exchange), others_(nodes), ledger_(ledger) {}

    /// These are the numbers here now; 0: none any more.
    void changed(std::span<const guard::Sharing::Count> counts);
    /// A node has gone, and its sessions with it.
    void forget(const std::string& node);

    [[nodiscard]] std::string_view name() const override { return "counts"; }
    [[nodiscard]] bool has_table() const override { return true; }
    void learn(const Entry& entry) override;
    void hear(const Message& message) override;
    void opened() override { repeat(); }
    void renamed(const std::string& /*former*/) override { repeat(); }
    void beat() override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;
    void repeat() override;

private:
    using Who = std::uint64_t;
    struct Count {
        std::uint32_t sessions = 0;
        std::chrono::milliseconds at{};  ///< by the node's stamps
    };
    struct OfNode {
        std::unordered_map<Who, Count> counts;
        std::array<Stamp, slices> learned{};
        int beats_unknown = 0;  ///< since there was such a node
    };
    void forget_dead_nodes();
    [[nodiscard]] Entry slice_of(std::size_t slice);
    [[nodiscard]] OfNode* node(const std::string& name);
    /// False: something later is known.
    static bool note(OfNode& node, const guard::Sharing::Count& count,
                     std::chrono::milliseconds at);
    void sum(std::span<const Who> changed);

    Exchange& exchange_;
    const Nodes& others_;
    guard::Ledger& ledger_;
    std::unordered_map<Who, std::uint32_t> changed_;
    std::array<bool, slices> due_{};
    std::size_t next_slice_ = 0;
    Stamp told_;
    std::map<std::string, OfNode> nodes_;
};

}  // namespace ballast::cluster
