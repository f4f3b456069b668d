// SPDX-License-Identifier: Apache-2.0
#include "cluster/counts.h"
#include "cluster/nodes.h"
#include "support/memory_store.h"
#include "support/test_loop.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;

class TopicsTest : public testing::Test {
protected:
    support::TestLoop loop;
    support::MemoryStore store{loop};
    support::MemoryStore::Link link{store, loop};
    std::shared_ptr<const net::Secret> secret =
        net::Secret::parse(std::string(64, 'k'), "test", "secret").value();
    Exchange exchange{loop, link, *secret, {.node = "a", .heartbeat = 1s, .seed = 1}};
    NodeFacts facts;
    int changes = 0;
    Nodes nodes{exchange, [this] { return facts; }, [this] { ++changes; },
                [](const std::string&) {}, 7};
};

TEST_F(TopicsTest, a_node_with_very_many_loads_tells_as_many_as_the_store_takes) {
    for (int i = 0; i < 20'000; ++i)
        facts.loads.push_back({.pool = "files",
                               .backend = fmt::format("backend{}", i),
                               .address = "10.0.0.1:21",
                               .sessions = 1});
    nodes.tell_now();
    const auto told = nodes.take(1);
    ASSERT_EQ(told.size(), 1);
    const auto& entry = std::get<Entry>(told.front());
    EXPECT_LE(entry.value.size(), Exchange::news_bytes_max);
    const auto read = facts_from(entry.value);
    ASSERT_TRUE(read);
    EXPECT_GT(read->loads.size(), 5000);
}

TEST_F(TopicsTest, news_of_many_nodes_that_come_together_are_one_change) {
    for (int i = 0; i < 20; ++i) {
        NodeFacts other;
        other.instance = 100U + static_cast<unsigned>(i);
        const auto name = fmt::format("n{}", i);
        nodes.learn({.table = "nodes",
                     .key = name,
                     .stamp = {5ms, name},
                     .value = bytes_of(other),
                     .lifetime = 5s});
    }
    EXPECT_EQ(changes, 0);
    nodes.heard_all();
    nodes.heard_all();
    EXPECT_EQ(changes, 1);
}

TEST_F(TopicsTest, changes_that_nobody_takes_do_not_fill_the_memory) {
    guard::Ledger ledger{std::make_shared<config::Limits>(), 1000, loop.now()};
    Counts counts(exchange, nodes, ledger);
    std::vector<guard::Sharing::Count> some;
    for (std::uint64_t who = 1; who <= 100'000; ++who) some.push_back({who, 1});
    counts.changed(some);
    for (std::uint64_t who = 100'001; who <= 400'000; ++who) {
        const guard::Sharing::Count count{who, 1};
        counts.changed({&count, 1});
    }
    std::size_t messages = 0;
    std::size_t slices = 0;
    for (const auto& each : counts.take(1000))
        ++(std::holds_alternative<Message>(each) ? messages : slices);
    // At most 20,000 in each.
    EXPECT_LE(messages, 5);
    // Those say the rest.
    EXPECT_EQ(slices, Counts::slices);
}

}  // namespace
}  // namespace ballast::cluster
