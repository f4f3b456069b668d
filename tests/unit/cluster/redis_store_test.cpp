// SPDX-License-Identifier: Apache-2.0
// With a real redis-server.
#include "cluster/redis_store.h"

#include "loop_thread.h"
#include "redis_node.h"
#include "redis_server.h"

#include <chrono>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>
#include <string>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto year = milliseconds(std::chrono::years(1));

Entry entry(std::string key, std::int64_t at, std::string value = "drain") {
    return {"states", std::move(key), {milliseconds(at), "node1"}, std::move(value), year};
}

std::string told(const News& news) {
    if (const auto* const one = std::get_if<Entry>(&news))
        return one->table + ' ' + one->key + ' ' + to_string(one->stamp) + ' ' + one->value;
    const auto& message = std::get<Message>(news);
    return message.kind + ' ' + message.node + ' ' + message.body;
}

std::vector<std::string> told(const std::vector<News>& news) {
    std::vector<std::string> all;
    for (const auto& each : news) all.push_back(told(each));
    return all;
}

class RedisStoreTest : public testing::Test {
protected:
    LoopThread thread;
    RedisServer server;
    RedisNode node{thread, cluster_at({server.url()})};
};

TEST_F(RedisStoreTest, opens_with_its_time_and_its_birth) {
    const auto first = node.open();
    ASSERT_TRUE(first) << problem_of(first);
    const auto here = std::chrono::system_clock::now().time_since_epoch();
    EXPECT_LT(std::chrono::abs(first->now - here), 10s);
    EXPECT_FALSE(first->birth.empty());
    const auto again = node.open();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->birth, first->birth);
    const auto now = node.now();
    ASSERT_TRUE(now);
    EXPECT_GE(*now, again->now);
}

TEST_F(RedisStoreTest, says_that_it_is_not_open) {
    EXPECT_EQ(problem_of(node.now()), "the store is not open");
    EXPECT_EQ(problem_of(node.follow("0-0")), "the store is not open");
    EXPECT_EQ(problem_of(node.load_all("states")), "the store is not open");
}

TEST_F(RedisStoreTest, tells_every_node_in_the_same_order) {
    RedisNode other(thread, cluster_at({server.url()}));
    const auto here = node.open();
    const auto there = other.open();
    const std::string bytes("\0\r\n\xff", 4);
    ASSERT_TRUE(node.write({entry("a", 1, bytes), Message{"node1", "load", bytes}, entry("b", 2)}));
    const auto seen_here = node.follow(here->latest);
    const auto seen_there = other.follow(there->latest);
    ASSERT_TRUE(seen_here) << problem_of(seen_here);
    ASSERT_TRUE(seen_there) << problem_of(seen_there);
    EXPECT_THAT(
        told(seen_there->news),
        ElementsAre("states a 1 node1 " + bytes, "load node1 " + bytes, "states b 2 node1 drain"));
    EXPECT_EQ(told(seen_here->news), told(seen_there->news));
    EXPECT_EQ(seen_here->latest, seen_there->latest);
    EXPECT_FALSE(seen_here->has_gap);
    EXPECT_EQ(std::get<Entry>(seen_there->news[0]).lifetime, year);
}

TEST_F(RedisStoreTest, waits_for_news_while_others_ask) {
    const auto opened = node.open();
    auto following = thread.begin(node.store().follow(opened->latest));
    ASSERT_TRUE(node.now());
    ASSERT_TRUE(node.write({Message{"node1", "load", "1"}}));
    const auto followed = following.get();
    ASSERT_TRUE(followed) << problem_of(followed);
    EXPECT_THAT(told(followed->news), ElementsAre("load node1 1"));
}

TEST_F(RedisStoreTest, gives_up_waiting_for_news_before_its_time_out) {
    auto cluster = cluster_at({server.url()});
    cluster.timeout = 2s;
    RedisNode quick(thread, cluster);
    const auto opened = quick.open();
    const auto followed = quick.follow(opened->latest);
    ASSERT_TRUE(followed) << problem_of(followed);
    EXPECT_TRUE(followed->news.empty());
    EXPECT_EQ(followed->latest, opened->latest);
    EXPECT_FALSE(followed->has_gap);
}

TEST_F(RedisStoreTest, keeps_the_later_stamp) {
    const auto opened = node.open();
    ASSERT_TRUE(node.write({entry("a", 1000, "late")}));
    ASSERT_TRUE(node.write({entry("a", 999, "early"), entry("a", 1000, "same")}));
    auto of_other = entry("a", 1000, "node2 is after node1");
    of_other.stamp.node = "node2";
    ASSERT_TRUE(node.write({of_other, entry("b", 5), entry("b", 10'000'000'000'000, "far")}));
    const auto followed = node.follow(opened->latest);
    ASSERT_TRUE(followed);
    EXPECT_THAT(told(followed->news),
                ElementsAre("states a 1000 node1 late", "states a 1000 node2 node2 is after node1",
                            "states b 5 node1 drain", "states b 10000000000000 node1 far"));
}

// Lua compares by the locale, in which "B" may come after "a".
TEST_F(RedisStoreTest, compares_nodes_by_bytes) {
    const auto opened = node.open();
    const auto of = [](std::string name, std::string value) {
        auto made = entry("a", 1, std::move(value));
        made.stamp.node = std::move(name);
        return made;
    };
    ASSERT_TRUE(node.write({of("a", "1"), of("B", "2"), of("a-1", "3"), of("a", "4"), of("a1", "5"),
                            of("\xc3\xa9", "6"), of("z", "7")}));
    const auto followed = node.follow(opened->latest);
    ASSERT_TRUE(followed);
    EXPECT_THAT(told(followed->news), ElementsAre("states a 1 a 1", "states a 1 a-1 3",
                                                  "states a 1 a1 5", "states a 1 \xc3\xa9 6"));
}

TEST_F(RedisStoreTest, loads_a_table_in_slices) {
    ASSERT_TRUE(node.open());
    // Keys of others do not matter.
    server.ask({"SET", "foreign", "1"});
    server.ask({"SET", "{ballast:ballast}:v2:states:a", "1"});
    server.ask({"SET", "{ballast:ballast}:v1:states:bad", "not an entry"});
    server.ask({"HSET", "{ballast:ballast}:v1:states:hash", "a", "b"});
    std::vector<News> news;
    std::set<std::string> expected;
    for (int i = 0; i < 1000; ++i) {
        news.emplace_back(entry("pool/" + std::to_string(i), i, "v" + std::to_string(i)));
        expected.insert(told(news.back()));
    }
    auto of_other_table = entry("x", 1);
    of_other_table.table = "states2";
    news.emplace_back(of_other_table);
    ASSERT_TRUE(node.write(std::move(news)));
    const auto loaded = node.load_all("states");
    ASSERT_TRUE(loaded) << problem_of(loaded);
    std::set<std::string> found;
    for (const auto& each : *loaded) found.insert(told(each));
    EXPECT_EQ(found, expected);
    EXPECT_THAT(node.load_all("nothing").value(), testing::IsEmpty());
}

TEST_F(RedisStoreTest, takes_glob_characters_of_a_name_literally) {
    auto cluster = cluster_at({server.url()});
    cluster.name = "a*[b]?";
    RedisNode odd(thread, cluster);
    ASSERT_TRUE(odd.open());
    ASSERT_TRUE(odd.write({entry("a", 1)}));
    server.ask({"SET", "{ballast:aX[b]Y}:v1:states:b", "1 node1\n1\nx"});
    const auto loaded = odd.load_all("states");
    ASSERT_TRUE(loaded);
    ASSERT_EQ(loaded->size(), 1U);
    EXPECT_EQ(loaded->front().key, "a");
}

TEST_F(RedisStoreTest, keeps_clusters_apart) {
    auto cluster = cluster_at({server.url()});
    cluster.name = "other";
    RedisNode other(thread, cluster);
    const auto opened = other.open();
    ASSERT_TRUE(node.open());
    ASSERT_TRUE(node.write({entry("a", 1)}));
    EXPECT_THAT(other.load_all("states").value(), testing::IsEmpty());
    ASSERT_TRUE(other.write({entry("b", 1)}));
    EXPECT_THAT(told(other.follow(opened->latest)->news), ElementsAre("states b 1 node1 drain"));
}

TEST_F(RedisStoreTest, lets_all_of_its_keys_expire) {
    ASSERT_TRUE(node.open());
    ASSERT_TRUE(node.write({entry("a", 1), Message{"node1", "load", "1"}}));
    ASSERT_TRUE(node.claim("prober", "node1", 10s));
    const auto keys = server.ask({"KEYS", "*"});
    EXPECT_EQ(keys.list.size(), 4U);  // the birth, the log, the entry, the office
    for (const auto& key : keys.list) {
        EXPECT_THAT(key.text, testing::StartsWith("{ballast:ballast}:v1:"));
        EXPECT_GT(server.ask({"PTTL", key.text}).number, 0) << key.text;
    }
}

TEST_F(RedisStoreTest, forgets_entries_after_their_lifetime) {
    ASSERT_TRUE(node.open());
    auto brief = entry("a", 1);
    brief.lifetime = 1ms;
    ASSERT_TRUE(node.write({brief}));
    while (server.ask({"EXISTS", "{ballast:ballast}:v1:states:a"}).number != 0) {
    }
    EXPECT_THAT(node.load_all("states").value(), testing::IsEmpty());
}

TEST_F(RedisStoreTest, gives_an_office_to_one_node_until_it_lapses) {
    ASSERT_TRUE(node.open());
    EXPECT_EQ(node.claim("prober", "node1", 1h).value(), "node1");
    EXPECT_EQ(node.claim("prober", "node2", 1h).value(), "node1");
    EXPECT_EQ(node.claim("prober", "node1", 1ms).value(), "node1");
    while (server.ask({"EXISTS", "{ballast:ballast}:v1:office:prober"}).number != 0) {
    }
    EXPECT_EQ(node.claim("prober", "node2", 1h).value(), "node2");
}

TEST_F(RedisStoreTest, writes_batches_of_any_size) {
    const auto opened = node.open();
    std::vector<News> news;
    const std::string large(Store::value_bytes_max, 'x');
    for (int i = 0; i < 12; ++i) news.emplace_back(Message{"node1", "load", large});
    for (int i = 0; i < 500; ++i) news.emplace_back(entry(std::to_string(i), 1));
    ASSERT_TRUE(node.write(std::move(news)));
    ASSERT_TRUE(node.write({}));
    std::size_t seen = 0;
    auto latest = opened->latest;
    while (seen < 512) {
        const auto followed = node.follow(latest);
        ASSERT_TRUE(followed) << problem_of(followed);
        ASSERT_FALSE(followed->has_gap);
        seen += followed->news.size();
        latest = followed->latest;
    }
    EXPECT_EQ(seen, 512U);
    EXPECT_EQ(problem_of(node.write({Message{"node1", "load", large + "x"}})),
              "a value of 1048577 bytes is too large for the store");
}

TEST_F(RedisStoreTest, leaves_out_what_another_version_has_written) {
    const auto opened = node.open();
    const std::string log = "{ballast:ballast}:v1:log";
    server.ask({"XADD", log, "*", "new", "thing"});
    server.ask({"XADD", log, "*", "table", "t", "key", "k", "kept", "no stamp"});
    server.ask({"XADD", log, "*", "later", "field", "kind", "k", "node", "n", "body", "b"});
    const auto followed = node.follow(opened->latest);
    ASSERT_TRUE(followed);
    EXPECT_THAT(told(followed->news), ElementsAre("k n b"));
}

TEST_F(RedisStoreTest, tells_that_news_were_dropped) {
    const auto opened = node.open();
    ASSERT_TRUE(node.write({Message{"node1", "load", "1"}, Message{"node1", "load", "2"}}));
    server.ask({"XTRIM", "{ballast:ballast}:v1:log", "MAXLEN", "1"});
    const auto followed = node.follow(opened->latest);
    ASSERT_TRUE(followed) << problem_of(followed);
    EXPECT_TRUE(followed->has_gap);
    EXPECT_THAT(told(followed->news), ElementsAre("load node1 2"));

    // The next one goes on from there.
    ASSERT_TRUE(node.write({Message{"node1", "load", "3"}}));
    const auto next = node.follow(followed->latest);
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->has_gap);
    EXPECT_THAT(told(next->news), ElementsAre("load node1 3"));
}

TEST_F(RedisStoreTest, goes_on_at_the_end_if_nothing_came_after_a_gap) {
    auto cluster = cluster_at({server.url()});
    cluster.timeout = 1s;
    RedisNode quick(thread, cluster);
    ASSERT_TRUE(quick.open());
    // A place that the log never had, as after a fail-over to a replica that lacked the last items.
    const auto followed = quick.follow("99999999999999-0");
    ASSERT_TRUE(followed) << problem_of(followed);
    EXPECT_TRUE(followed->has_gap);
    ASSERT_TRUE(quick.write({Message{"node1", "load", "1"}}));
    const auto next = quick.follow(followed->latest);
    ASSERT_TRUE(next);
    EXPECT_FALSE(next->has_gap);
    EXPECT_THAT(told(next->news), ElementsAre("load node1 1"));
}

TEST_F(RedisStoreTest, notices_that_it_was_emptied) {
    auto cluster = cluster_at({server.url()});
    cluster.timeout = 1s;
    RedisNode quick(thread, cluster);
    const auto opened = quick.open();
    ASSERT_TRUE(quick.write({entry("a", 1)}));
    server.ask({"FLUSHALL"});
    EXPECT_EQ(problem_of(quick.follow(opened->latest)), "the store has lost what it knew");
    EXPECT_EQ(problem_of(quick.write({entry("a", 1)})), "the store has lost what it knew");
    EXPECT_EQ(server.ask({"DBSIZE"}).number, 0);
    const auto again = quick.open();
    ASSERT_TRUE(again);
    EXPECT_NE(again->birth, opened->birth);
}

TEST_F(RedisStoreTest, comes_back_after_a_restart) {
    const auto opened = node.open();
    server.kill();
    EXPECT_THAT(problem_of(node.now()),
                testing::AnyOf(HasSubstr("closed the connection"), HasSubstr("Broken pipe")));
    EXPECT_THAT(problem_of(node.write({entry("a", 1)})), HasSubstr("is broken"));
    EXPECT_THAT(problem_of(node.open()), HasSubstr("connecting to /"));
    server.start();
    const auto again = node.open();
    ASSERT_TRUE(again) << problem_of(again);
    EXPECT_NE(again->birth, opened->birth);  // it had saved nothing
    EXPECT_TRUE(node.write({entry("a", 1)}));
}

TEST_F(RedisStoreTest, has_another_birth_after_a_restart_that_it_survived) {
    RedisServer lasting({"appendonly yes", "appendfsync always"});
    RedisNode its_node(thread, cluster_at({lasting.url()}));
    const auto opened = its_node.open();
    ASSERT_TRUE(opened) << problem_of(opened);
    ASSERT_TRUE(its_node.write({entry("a", 1)}));
    lasting.kill();
    lasting.start();
    const auto again = its_node.open();
    ASSERT_TRUE(again) << problem_of(again);
    EXPECT_EQ(its_node.load_all("states")->size(), 1U);
    // The last changes may not have reached the disk.
    EXPECT_NE(again->birth, opened->birth);
    EXPECT_TRUE(its_node.write({entry("b", 1)}));
}

TEST_F(RedisStoreTest, ends_a_question_in_its_time_if_the_store_hangs) {
    auto cluster = cluster_at({server.url()});
    cluster.timeout = 300ms;
    RedisNode quick(thread, cluster);
    const auto opened = quick.open();
    server.freeze();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THAT(problem_of(quick.now()),
                testing::AllOf(HasSubstr("waiting for an answer"), HasSubstr("timed out")));
    EXPECT_THAT(problem_of(quick.follow(opened->latest)), HasSubstr("timed out"));
    EXPECT_THAT(problem_of(quick.open()), HasSubstr("timed out"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 5s);
    server.thaw();
    EXPECT_TRUE(quick.open());
}

TEST_F(RedisStoreTest, says_that_it_is_full) {
    ASSERT_TRUE(node.open());
    server.ask({"CONFIG", "SET", "maxmemory", "1"});
    EXPECT_THAT(problem_of(node.write({entry("a", 1)})),
                testing::AllOf(HasSubstr("answers EVAL with"), HasSubstr("OOM"),
                               HasSubstr("it is full: raise its maxmemory")));
    EXPECT_THAT(problem_of(node.open()), HasSubstr("raise its maxmemory"));
    EXPECT_FALSE(node.claim("prober", "node1", 1h));
    server.ask({"CONFIG", "SET", "maxmemory", "0"});
    ASSERT_TRUE(node.open());
    EXPECT_TRUE(node.write({entry("a", 1)}));
}

}  // namespace
}  // namespace ballast::cluster
