// SPDX-License-Identifier: Apache-2.0
#include "events/bus.h"

#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace ballast::events {
namespace {

std::vector<std::string> pools_of(const std::vector<Shared>& events) {
    std::vector<std::string> pools;
    for (const auto& event : events) pools.emplace_back(event->text("pool"));
    return pools;
}

/// The bus is the whole process's, so each test uses a pool of its own.
Filter of_pool(const std::string& pool) {
    Filter filter;
    filter.pool = pool;
    return filter;
}

TEST(Bus, keeps_the_latest_rare_events) {
    for (std::size_t i = 0; i < kept_max + 5; ++i)
        publish(Kind::backend_up, {{"pool", "rare"}, {"backend", std::to_string(i)}});
    const auto all = recent(of_pool("rare"));
    ASSERT_EQ(all.size(), kept_max);
    EXPECT_EQ(all.front()->text("backend"), "5");
    EXPECT_EQ(recent(of_pool("rare"), all.back()->number).size(), 0U);
    EXPECT_EQ(recent(of_pool("rare"), all.front()->number).size(), kept_max - 1);
    const auto latest = recent(of_pool("rare"), 0, 2);
    ASSERT_EQ(latest.size(), 2U);
    EXPECT_EQ(latest.back()->number, all.back()->number);
}

TEST(Bus, makes_frequent_events_only_for_those_who_want_them) {
    EXPECT_FALSE(is_wanted(Kind::session_began));
    {
        Filter filter = of_pool("frequent");
        filter.kinds = {Kind::session_ended};
        Subscriber subscriber(filter, [] {});
        EXPECT_FALSE(is_wanted(Kind::session_began));
        EXPECT_TRUE(is_wanted(Kind::session_ended));
        publish(Kind::session_ended, {{"pool", "frequent"}, {"user", ""}});
        publish(Kind::session_ended, {{"pool", "other"}});
        const auto taken = subscriber.take(10);
        ASSERT_EQ(pools_of(taken.events), std::vector<std::string>{"frequent"});
        EXPECT_EQ(taken.events.front()->fields.size(), 1U);  // an empty text is no field
    }
    EXPECT_FALSE(is_wanted(Kind::session_ended));
    EXPECT_EQ(recent(of_pool("frequent")).size(), 0U);
}

TEST(Bus, tells_a_slow_subscriber_how_many_events_it_has_lost) {
    int woken = 0;
    Subscriber subscriber(of_pool("slow"), [&] { ++woken; });
    for (std::size_t i = 0; i < waiting_max + 7; ++i)
        publish(Kind::backend_down, {{"pool", "slow"}, {"backend", std::to_string(i)}});
    EXPECT_EQ(woken, 1);
    auto taken = subscriber.take(100);
    EXPECT_EQ(taken.lost, 7U);
    ASSERT_EQ(taken.events.size(), 100U);
    EXPECT_EQ(taken.events.front()->text("backend"), "7");
    taken = subscriber.take(waiting_max);
    EXPECT_EQ(taken.lost, 0U);
    EXPECT_EQ(taken.events.size(), waiting_max - 100);
    publish(Kind::backend_down, {{"pool", "slow"}});
    EXPECT_EQ(woken, 2);
}

TEST(Bus, goes_on_for_a_subscriber_where_its_former_connection_ended) {
    const auto publish_three = [] {
        for (const auto* const name : {"a", "b", "c"})
            publish(Kind::backend_up, {{"pool", "again"}, {"backend", name}});
    };
    publish_three();
    const auto first = recent(of_pool("again")).front()->number;
    Subscriber subscriber(of_pool("again"), [] {}, first);
    publish_three();
    EXPECT_EQ(subscriber.take(10).events.size(), 5U);
}

TEST(Bus, holds_back_what_a_peer_can_cause_at_will) {
    for (int i = 0; i < 10; ++i)
        publish_seldom(Kind::limit_reached, "seldom", {{"pool", "seldom"}});
    publish_seldom(Kind::limit_reached, "seldom too", {{"pool", "seldom"}});
    EXPECT_EQ(recent(of_pool("seldom")).size(), 2U);
}

TEST(Bus, cuts_long_texts) {
    publish(Kind::ban_begun, {{"pool", "long"}, {"user", std::string(10'000, 'x')}});
    EXPECT_EQ(recent(of_pool("long")).front()->text("user").size(), text_bytes_max + 3);
}

TEST(Bus, takes_events_of_many_threads_in_one_order) {
    Subscriber subscriber(of_pool("threads"), [] {});
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([] {
            for (int k = 0; k < 200; ++k) publish(Kind::backend_up, {{"pool", "threads"}});
        });
    threads.clear();
    const auto taken = subscriber.take(waiting_max);
    ASSERT_EQ(taken.events.size(), 800U);
    for (std::size_t i = 1; i < taken.events.size(); ++i)
        EXPECT_LT(taken.events[i - 1]->number, taken.events[i]->number);
}

TEST(Filter, compares_addresses_without_the_port) {
    Event event;
    event.fields = {{"client", std::string("[2001:db8::1]:4711")}};
    Filter filter;
    filter.client = "2001:db8::1";
    EXPECT_TRUE(filter.wants(event));
    filter.client = "2001:db8::2";
    EXPECT_FALSE(filter.wants(event));
}

TEST(Kinds, have_names_that_lead_back_to_them) {
    for (const auto& row : all_kinds()) {
        EXPECT_EQ(kind_from(row.name), row.kind);
        EXPECT_FALSE(row.help.empty());
        EXPECT_FALSE(row.fields().empty());
    }
    EXPECT_FALSE(kind_from("backend"));
}

}  // namespace
}  // namespace ballast::events
