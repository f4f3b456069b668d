// SPDX-License-Identifier: Apache-2.0
#include "cluster/nodes.h"

#include "base/log.h"
#include "events/bus.h"

#include <algorithm>
#include <utility>

namespace ballast::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

constexpr std::size_t nodes_max = 1000;
/// So long the last word of a dead node is known: what it has said before does not revive it.
constexpr auto memory_of_dead = std::chrono::hours(1);

}  // namespace

Nodes::Nodes(Exchange& exchange, Look look, std::function<void()> changed, Left left,
             std::uint64_t instance)
    : exchange_(exchange),
      look_(std::move(look)),
      changed_(std::move(changed)),
      left_(std::move(left)),
      instance_(instance),
      started_at_(exchange.loop().now()),
      first_name_(exchange.node()) {}

NodeFacts Nodes::own() const {
    auto facts = look_();
    facts.instance = instance_;
    facts.uptime = duration_cast<milliseconds>(exchange_.loop().now() - started_at_);
    facts.heartbeat = exchange_.heartbeat();
    return facts;
}

std::vector<Node> Nodes::all() const {
    std::vector<Node> all;
    all.push_back({.name = exchange_.node(),
                   .facts = own(),
                   .heard_at = exchange_.loop().now(),
                   .is_self = true});
    for (const auto& [name, node] : others_) all.push_back(node);
    return all;
}

void Nodes::tell_now() {
    is_due_ = true;
    exchange_.hurry();
}

milliseconds Nodes::lifetime_of(const NodeFacts& facts) {
    return std::max(facts.heartbeat, milliseconds(1)) * beats_of_silence;
}

void Nodes::learn(const Entry& entry) {
    auto facts = facts_from(entry.value);
    // This process may have had another name.
    if (!facts || facts->instance == instance_) return;
    if (entry.key == exchange_.node()) return learn_of_namesake(entry);
    if (entry.stamp.node != entry.key) return;
    const auto known = heard_.find(entry.key);
    if (known == heard_.end() && heard_.size() >= nodes_max) return;
    if (known != heard_.end() && entry.stamp <= known->second.stamp) {
        // The store's clock may have gone back, and a node that has started since does not know
        // what its name has said.
        const bool is_another = facts->instance != known->second.instance;
        if (!is_another || others_.contains(entry.key)) return;
    }
    heard_[entry.key] = {entry.stamp, exchange_.loop().now(), facts->instance};
    if (facts->is_leaving) return leave(entry.key, "it has ended");

    const auto place = others_.find(entry.key);
    const bool is_new = place == others_.end();
    const bool differs = is_new || place->second.facts.loads != facts->loads;
    others_[entry.key] = {.name = entry.key,
                          .facts = std::move(*facts),
                          .heard_at = exchange_.loop().now(),
                          .is_self = false};
    if (is_new) {
        log::write_each(log::Level::info, "a node has joined the cluster", {{"node", entry.key}});
        events::publish(events::Kind::node_joined, {{"node", entry.key}});
    }
    has_changed_ |= differs;
}

void Nodes::heard_all() {
    if (std::exchange(has_changed_, false)) changed_();
}

/// Only an entry that is newer than this process's first one says that another node has its name.
/// Older ones are of a process that was here before.
void Nodes::learn_of_namesake(const Entry& entry) {
    if (has_namesake_ || told_first_ == Stamp() || entry.stamp <= told_first_) return;
    has_namesake_ = true;
    log::write_each(log::Level::warning,
                    "another node has the same name: give each node its own cluster.node",
                    {{"node", entry.key}});
}

/// Nobody has been heard of while the store was away, and that says nothing.
void Nodes::opened() {
    for (auto& [name, node] : others_) node.heard_at = exchange_.loop().now();
}

/// After a pause of this process, or of the store, what the others have said meanwhile is still on
/// its way.
void Nodes::beat() {
    const auto now = exchange_.loop().now();
    const auto heard_until = exchange_.heard_until();
    if (heard_until - judged_until_ > beats_of_silence * exchange_.heartbeat() / 2) opened();
    judged_until_ = heard_until;
    std::vector<std::string> silent;
    for (const auto& [name, node] : others_)
        if (heard_until - node.heard_at > lifetime_of(node.facts)) silent.push_back(name);
    for (const auto& each : silent) leave(each, "it has been silent for five heartbeats");
    std::erase_if(heard_, [&](const auto& each) {
        return now - each.second.at > memory_of_dead && !others_.contains(each.first);
    });
    is_due_ = true;
}

std::vector<News> Nodes::take(std::size_t /*max*/) {
    if (!std::exchange(is_due_, false)) return {};
    std::vector<News> news;
    news.emplace_back(entry_of(own(), exchange_.node()));
    if (const auto former = std::exchange(former_, std::nullopt)) {
        auto facts = own();
        facts.is_leaving = true;
        news.emplace_back(entry_of(std::move(facts), *former));
    }
    return news;
}

/// A process that is replaced goes on under another name, and the new one has the former. If the
/// new one fails, it takes its name back, and nobody has the other.
void Nodes::renamed(const std::string& former) {
    told_first_ = {};
    former_.reset();
    if (exchange_.node() == first_name_ && former != first_name_) former_ = former;
    is_due_ = true;
}

std::vector<News> Nodes::farewell() {
    auto facts = own();
    facts.is_leaving = true;
    return {entry_of(std::move(facts), exchange_.node())};
}

/// The store takes no larger value: then some backends are not told of.
Entry Nodes::entry_of(NodeFacts facts, const std::string& node) {
    if (facts.is_leaving) facts.loads.clear();
    auto bytes = bytes_of(facts);
    for (; bytes.size() > Exchange::news_bytes_max && !facts.loads.empty(); bytes = bytes_of(facts))
        facts.loads.resize(facts.loads.size() * 3 / 4);
    told_ = exchange_.stamp(told_);
    told_.node = node;
    if (told_first_ == Stamp()) told_first_ = told_;
    return {.table = std::string(name()),
            .key = node,
            .stamp = told_,
            .value = std::move(bytes),
            .lifetime = lifetime_of(facts)};
}

void Nodes::leave(const std::string& name, std::string_view why) {
    if (others_.erase(name) == 0) return;
    log::write_each(log::Level::warning, "a node is gone", {{"node", name}, {"reason", why}});
    events::publish(events::Kind::node_left, {{"node", name}, {"reason", why}});
    left_(name);
    changed_();
}

}  // namespace ballast::cluster
