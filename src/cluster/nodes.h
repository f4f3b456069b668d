// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/exchange.h"
#include "cluster/node.h"
#include "cluster/topic.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ballast::cluster {

/// A node and what was last heard of it.
struct Node {
    std::string name;
    NodeFacts facts;
    loop::Time heard_at;  ///< the last time; of this node itself: now
    bool is_self = false;
};

/// Which nodes live, and what each of them has. A node is dead when nothing was heard of it for
/// five of its heartbeats while the store could be reached. Times are measured by this node's
/// own steady clock.
class Nodes final : public Topic {
public:
    /// `look` says what this node has now, but its name. `changed` is called when a node comes or
    /// goes, or has other sessions; `left` before that with one that is gone.
    /// `instance` is drawn at random for each process.
    using Look = std::function<NodeFacts()>;
    using Left = std::function<void(const std::string&)>;
    Nodes(Exchange& exchange, Look look, std::function<void()> changed, Left left,
          std::uint64_t instance);

    /// This node first.
    [[nodiscard]] std::vector<Node> all() const;
    [[nodiscard]] const std::map<std::string, Node>& others() const { return others_; }
    /// Tells what this node has before the next heartbeat.
    void tell_now();
    /// The last word of a node that ends.
    [[nodiscard]] std::vector<News> farewell();

    [[nodiscard]] std::string_view name() const override { return "nodes"; }
    [[nodiscard]] bool has_table() const override { return true; }
    void learn(const Entry& entry) override;
    void opened() override;
    void beat() override;
    void renamed(const std::string& former) override;
    void heard_all() override;
    [[nodiscard]] std::vector<News> take(std::size_t max) override;

    /// A node that is silent for so many of its heartbeats is dead.
    static constexpr int beats_of_silence = 5;

private:
    [[nodiscard]] NodeFacts own() const;
    [[nodiscard]] Entry entry_of(NodeFacts facts, const std::string& node);
    void learn_of_namesake(const Entry& entry);
    [[nodiscard]] static std::chrono::milliseconds lifetime_of(const NodeFacts& facts);
    void leave(const std::string& name, std::string_view why);

    Exchange& exchange_;
    const Look look_;
    const std::function<void()> changed_;
    const Left left_;
    const std::uint64_t instance_;
    const loop::Time started_at_;
    const std::string first_name_;
    std::map<std::string, Node> others_;
    struct Heard {
        Stamp stamp;
        loop::Time at;
        std::uint64_t instance = 0;
    };
    std::map<std::string, Heard> heard_;  // the latest of each, dead ones too for a while
    loop::Time judged_until_;             // what was heard by then has been judged
    Stamp told_;                          // the latest of our own
    Stamp told_first_;
    bool is_due_ = false;
    bool has_changed_ = false;           // and nobody was told
    std::optional<std::string> former_;  // a name that nobody has any more
    bool has_namesake_ = false;
};

}  // namespace ballast::cluster
