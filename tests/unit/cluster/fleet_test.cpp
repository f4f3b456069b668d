// SPDX-License-Identifier: Apache-2.0
#include "cluster/fleet.h"

#include "support/log_lines.h"
#include "support/memory_store.h"
#include "support/test_loop.h"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;
using pool::AdminState;
using testing::ElementsAre;
using testing::HasSubstr;

std::shared_ptr<const net::Secret> secret(char letter = 'k') {
    // 48 bytes in base64.
    return net::Secret::parse(std::string(64, letter), "test", "secret").value();
}

class FleetTest : public testing::Test {
protected:
    struct Member {
        Member(FleetTest& test, std::string name, std::uint64_t seed,
               std::shared_ptr<const net::Secret> with)
            : test_loop(test.loop),
              link(test.store, test.loop),
              key(std::move(with)),
              fleet(
                  test.loop, link, *key, {.node = std::move(name), .heartbeat = 1s, .seed = seed},
                  {.look = [this] { return facts; },
                   .obey =
                       [this](const Decision& decision) {
                           if (!has_backend) return false;
                           obeyed.push_back(decision);
                           return true;
                       },
                   .answer = [this](std::string question) { return answer(std::move(question)); },
                   .ledger = ledger,
                   .probing = {.set_silent = [this](const std::string&,
                                                    bool wanted) { is_silent = wanted; },
                               .take =
                                   [this](const auto& outcome) { outcomes.push_back(outcome); }}}) {
            fleet.set_listeners({{"ftp", keys}});
            fleet.set_pools({pool});
            fleet.start();
        }
        static config::Pool settings() {
            config::Pool made;
            made.name = "files";
            made.stick.by = config::StickBy::network;
            for (const auto* const name : {"f1", "f2"}) {
                config::Backend backend;
                backend.name = name;
                backend.host = fmt::format("10.0.0.{}", made.backends.size() + 11);
                backend.max_sessions = 4;
                made.backends.push_back(std::move(backend));
            }
            return made;
        }
        static config::Limits limits() {
            config::Limits made;
            made.sessions_per_user = 3;
            made.sessions_per_address = 4;
            made.failed_logins_per_address = 3;
            made.ban_time = 10min;
            return made;
        }
        bool enter(const std::string& address) {
            auto entered = ledger.enter({}, base::Ip::parse(address).value(), test_loop.now());
            if (entered) held.push_back(std::move(*entered));
            return entered.has_value();
        }
        bool user_logs_in(const std::string& name) {
            auto entered = ledger.logged_in({"files", name});
            if (entered) held.push_back(std::move(*entered));
            return entered.has_value();
        }
        void fail(const std::string& address) {
            (void)ledger.login_failed({"files", "anna"}, base::Ip::parse(address).value(),
                                      test_loop.now());
        }
        [[nodiscard]] std::size_t bans() const { return ledger.ban_count(test_loop.now()); }
        [[nodiscard]] std::vector<unsigned char> ticket_key() const {
            const auto bytes = keys->current(test_loop.now()).bytes();
            return {bytes.begin(), bytes.end()};
        }
        [[nodiscard]] bool takes_ticket_of(const Member& other) const {
            return keys->find(other.keys->current(test_loop.now()).name.data()).has_value();
        }
        loop::Task<std::string> answer(std::string question) {
            ++questions;
            if (question == "slow") {
                loop::Signal signal(test_loop);
                (void)co_await signal.wait(test_loop.after(20s));
            }
            if (question == "much") co_return std::string(1'000'000, 'm');
            co_return "not " + question;
        }
        /// The backend that it gets; empty: none.
        std::string log_in(const std::string& address) {
            auto seat = pool->choose({base::Ip::parse(address).value(), "anna"}, {});
            if (!seat) return {};
            seats.push_back(std::move(*seat));
            seats.back().logged_in(1ms);
            return seats.back().backend().name;
        }
        support::TestLoop& test_loop;
        support::MemoryStore::Link link;
        std::shared_ptr<pool::Pool> pool =
            std::make_shared<pool::Pool>(settings(), [this] { return test_loop.now(); }, 1);
        std::vector<pool::Seat> seats;
        int questions = 0;
        guard::Ledger ledger{std::make_shared<config::Limits>(limits()), 1000, test_loop.now()};
        std::vector<guard::Ledger::Held> held;
        std::shared_ptr<net::TicketKeys> keys = std::make_shared<net::TicketKeys>(2min);
        bool is_silent = false;
        std::vector<ProbeOutcome> outcomes;
        std::shared_ptr<const net::Secret> key;
        NodeFacts facts;
        bool has_backend = true;
        std::vector<Decision> obeyed;
        Fleet fleet;

        [[nodiscard]] std::vector<std::string> sees() const {
            std::vector<std::string> names;
            for (const auto& each : fleet.nodes()) names.push_back(each.name);
            return names;
        }
        [[nodiscard]] std::optional<AdminState> last_state() const {
            return obeyed.empty() ? std::nullopt : obeyed.back().state;
        }
    };
    Member& node(const std::string& name, std::shared_ptr<const net::Secret> with = secret()) {
        return *members.emplace_back(
            std::make_unique<Member>(*this, name, ++seed, std::move(with)));
    }
    static Decision drain(AdminState state = AdminState::draining) {
        return {.pool = "files", .backend = "f1", .state = state};
    }

    support::TestLoop loop;
    support::MemoryStore store{loop};
    std::uint64_t seed = 0;
    std::deque<std::unique_ptr<Member>> members;
};

TEST_F(FleetTest, nodes_see_each_other_and_what_they_have) {
    auto& a = node("a");
    auto& b = node("b");
    a.facts.sessions = 7;
    a.facts.version = "1.2";
    EXPECT_EQ(a.log_in("192.0.2.1"), "f1");
    loop.run_for(1500ms);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    ASSERT_THAT(b.sees(), ElementsAre("b", "a"));
    const auto seen = b.fleet.nodes().back();
    EXPECT_FALSE(seen.is_self);
    EXPECT_EQ(seen.facts.sessions, 7);
    EXPECT_EQ(seen.facts.version, "1.2");
    EXPECT_EQ(seen.facts.heartbeat, 1s);
    EXPECT_THAT(seen.facts.loads, ElementsAre(BackendLoad{"files", "f1", "10.0.0.11:21", 1, 0}));
    EXPECT_TRUE(b.fleet.store().is_reachable);
}

TEST_F(FleetTest, a_node_that_is_silent_for_five_heartbeats_is_gone) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    members.back()->link.is_cut = true;
    loop.run_for(4s);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    loop.run_for(5s);
    EXPECT_THAT(a.sees(), ElementsAre("a"));
    members.back()->link.is_cut = false;
    loop.run_for(12s);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
}

TEST_F(FleetTest, a_node_that_leaves_is_gone_at_once) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    const auto leaving = loop::Job::start(b.fleet.leave());
    loop.run_for(100ms);
    EXPECT_TRUE(leaving.is_done());
    EXPECT_THAT(a.sees(), ElementsAre("a"));
}

TEST_F(FleetTest, nobody_is_taken_for_dead_while_the_store_is_away) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    store.is_away = true;
    loop.run_for(10min);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    EXPECT_FALSE(a.fleet.store().is_reachable);
    store.is_away = false;
    loop.run_for(14s);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    EXPECT_TRUE(a.fleet.store().is_reachable);
}

TEST_F(FleetTest, a_node_that_reads_a_large_table_is_not_taken_for_dead) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    loop.run_for(3s);
    for (int i = 0; i < 20'000; ++i)
        store.put(Entry{.table = "stick",
                        .key = std::to_string(i),
                        .stamp = {1ms, "z"},
                        .value = "?",
                        .lifetime = 1h});
    auto& b = node("b");
    loop.run_for(6s);
    b.link.travel = [] { return 20ms; };
    const auto before = store.calls().loads;
    b.fleet.set_listeners({});
    loop.run_for(12s);
    const auto slices = 20'000 / 50;
    EXPECT_LT(store.calls().loads - before, slices);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    loop.run_for(12s);
    EXPECT_GE(store.calls().loads - before, slices);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
    EXPECT_EQ(log.count("a node is gone"), 0);
}

TEST_F(FleetTest, a_node_that_has_much_to_tell_is_not_taken_for_dead) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 8000; ++i) {
        (void)b.log_in(fmt::format("192.{}.{}.1", i % 200, i / 200));
        b.seats.clear();
    }
    b.link.travel = [] { return 150ms; };
    loop.run_for(60s);
    EXPECT_EQ(a.pool->clients_remembered(), 8000);
    EXPECT_EQ(log.count("a node is gone"), 0);
}

TEST_F(FleetTest, a_node_that_was_stopped_does_not_take_the_others_for_dead) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 8; ++i) (void)a.log_in(fmt::format("192.0.2.{}", i));
    loop.run_for(1500ms);
    loop.stand_still_for(10s);
    for (int i = 0; i < 30; ++i) {
        loop.run_for(100ms);
        EXPECT_THAT(b.sees(), ElementsAre("b", "a"));
        EXPECT_EQ(b.log_in("192.0.2.99"), "");
    }
    EXPECT_EQ(log.count("a node is gone"), 0);
}

TEST_F(FleetTest, a_store_that_takes_and_never_gives_cannot_be_used) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    loop.run_for(3s);
    a.link.is_follow_cut = true;
    loop.run_for(5min);
    EXPECT_FALSE(a.fleet.store().is_reachable);
    EXPECT_EQ(log.count("store can be used"), 1);
    EXPECT_EQ(log.count("store has failed"), 1);
    // Nor is it opened twice a second.
    EXPECT_LT(store.calls().opens, 5 * 60 / 4);
}

TEST_F(FleetTest, the_stores_loss_is_told_once_however_long_it_lasts) {
    support::LogLines log(log::Level::info);
    node("a");
    loop.run_for(3s);
    store.is_away = true;
    loop.run_for(10min);
    // Not one attempt for each of these: it answers, but writing fails.
    store.is_away = false;
    store.is_full = true;
    loop.run_for(10min);
    EXPECT_EQ(log.count("store has failed"), 1);
    store.is_full = false;
    loop.run_for(15s);
    EXPECT_EQ(log.count("store can be used"), 2);
}

TEST_F(FleetTest, nodes_come_back_to_a_store_one_after_the_other_and_not_too_often) {
    for (int i = 0; i < 10; ++i) node("n" + std::to_string(i));
    loop.run_for(3s);
    store.is_away = true;
    loop.run_for(60s);
    const auto opens = store.calls().opens;
    loop.run_for(120s);
    // Each attempt takes 2 s, and the pauses are 5 to 10 s by now.
    EXPECT_LT(store.calls().opens - opens, 10 * 120 / 7);
    store.is_away = false;
    std::set<loop::Time> moments;
    std::size_t back = 0;
    (void)loop.run_until(
        [&] {
            const auto now = static_cast<std::size_t>(std::ranges::count_if(
                members, [](const auto& each) { return each->fleet.store().is_reachable; }));
            if (now != back) moments.insert(loop.now());
            back = now;
            return back == members.size();
        },
        15s);
    EXPECT_EQ(back, 10);
    EXPECT_GE(moments.size(), 5);
}

TEST_F(FleetTest, a_decision_at_one_node_holds_at_all_and_at_those_that_come_later) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    a.fleet.decided(drain());
    loop.settle();
    EXPECT_EQ(b.last_state(), AdminState::draining);
    EXPECT_EQ(b.obeyed.back().node, "a");
    EXPECT_TRUE(a.obeyed.empty());
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_EQ(c.last_state(), AdminState::draining);
}

TEST_F(FleetTest, the_latest_decision_holds_whatever_a_nodes_clock_says) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    b.link.is_cut = true;
    loop.run_for(1s);
    b.fleet.decided(drain(AdminState::disabled));
    loop.run_for(1s);
    a.fleet.decided(drain(AdminState::ready));
    b.link.is_cut = false;
    loop.run_for(15s);
    EXPECT_EQ(b.last_state(), AdminState::ready);
    EXPECT_TRUE(a.obeyed.empty());
}

TEST_F(FleetTest, a_decision_from_before_the_first_contact_counts_from_when_it_was_made) {
    auto& a = node("a");
    loop.run_for(3s);
    auto& b = node("b");
    b.link.is_cut = true;
    loop.run_for(3s);
    b.fleet.decided(drain(AdminState::disabled));
    loop.run_for(3s);
    a.fleet.decided(drain(AdminState::draining));
    loop.run_for(3s);
    b.link.is_cut = false;
    loop.run_for(15s);
    EXPECT_EQ(b.last_state(), AdminState::draining);
    EXPECT_TRUE(a.obeyed.empty());
}

TEST_F(FleetTest, a_state_and_a_tuning_do_not_replace_each_other) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    a.fleet.decided(drain());
    a.fleet.decided({.pool = "files",
                     .backend = "f1",
                     .tuning = pool::Tuning{.weight = 3, .max_sessions = {}}});
    loop.settle();
    ASSERT_EQ(b.obeyed.size(), 2);
    std::ranges::sort(b.obeyed, {}, [](const auto& each) { return each.tuning.has_value(); });
    EXPECT_FALSE(b.obeyed[0].tuning);
    EXPECT_FALSE(b.obeyed[1].state);
    EXPECT_EQ(b.obeyed[1].tuning->weight, 3);
    EXPECT_FALSE(b.obeyed[1].tuning->max_sessions);
}

TEST_F(FleetTest, a_decision_waits_for_its_backend) {
    auto& a = node("a");
    auto& b = node("b");
    b.has_backend = false;
    loop.run_for(3s);
    a.fleet.decided(drain());
    loop.run_for(3s);
    EXPECT_TRUE(b.obeyed.empty());
    b.has_backend = true;
    b.fleet.set_pools({b.pool});
    EXPECT_EQ(b.last_state(), AdminState::draining);
}

TEST_F(FleetTest, what_a_wiped_store_has_lost_is_told_again) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    a.fleet.decided(drain());
    loop.run_for(3s);
    store.wipe();
    loop.run_for(15s);
    members.clear();
    loop.run_for(1h);
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_EQ(c.last_state(), AdminState::draining);
}

TEST_F(FleetTest, what_a_store_has_lost_without_being_another_one_is_told_again) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    const auto copy = store.copy();
    a.fleet.decided(drain());
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    loop.run_for(3s);
    store.is_away = true;
    loop.run_for(3s);
    store.go_back_to(copy);
    store.is_away = false;
    loop.run_for(15s);
    members.clear();
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_EQ(c.last_state(), AdminState::draining);
    EXPECT_EQ(c.bans(), 1);
}

TEST_F(FleetTest, a_node_that_starts_after_the_stores_clock_has_gone_back_is_heard) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    store.clock -= 30min;
    store.is_away = true;
    loop.run_for(3s);
    store.is_away = false;
    loop.run_for(15s);
    ASSERT_THAT(a.sees(), ElementsAre("a", "b"));
    members.pop_back();
    loop.run_for(10s);
    ASSERT_THAT(a.sees(), ElementsAre("a"));
    node("b");
    loop.run_for(2s);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
}

TEST_F(FleetTest, a_node_with_another_secret_is_warned_of_once_and_not_heeded) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    auto& b = node("b", secret('z'));
    loop.run_for(10s);
    b.fleet.decided(drain());
    loop.run_for(10s);
    EXPECT_TRUE(a.obeyed.empty());
    EXPECT_THAT(a.sees(), ElementsAre("a"));
    EXPECT_EQ(log.count("another secret"), 2);  // each of the other
}

TEST_F(FleetTest, what_no_node_has_written_is_warned_of_with_its_place) {
    support::LogLines log(log::Level::info);
    node("a");
    node("b");
    loop.run_for(3s);
    auto moved = *store.find("nodes", "b");
    moved.key = "elsewhere";
    store.put(moved);
    loop.run_for(3s);
    // Each of the two says so.
    EXPECT_EQ(log.count("no node has written there"), 2);
    EXPECT_EQ(log.count("nodes:elsewhere"), 2);
}

TEST_F(FleetTest, two_nodes_of_one_name_are_warned_of) {
    support::LogLines log(log::Level::info);
    node("a");
    loop.run_for(3s);
    node("a");
    loop.run_for(3s);
    EXPECT_GE(log.count("another node has the same name"), 1);
}

TEST_F(FleetTest, a_process_that_is_replaced_goes_on_as_another_node) {
    support::LogLines log(log::Level::info);
    auto& old = node("a");
    old.facts.sessions = 3;
    auto& b = node("b");
    loop.run_for(3s);
    old.fleet.go_on_as("a.17");
    node("a");
    loop.run_for(3s);
    EXPECT_THAT(b.sees(), ElementsAre("b", "a", "a.17"));
    EXPECT_EQ(log.count("another node has the same name"), 0);
}

TEST_F(FleetTest, what_is_too_large_for_the_store_does_not_hold_up_the_rest) {
    support::LogLines log(log::Level::info);
    auto& a = node("a");
    auto& b = node("b");
    a.facts.version = std::string(Store::value_bytes_max, 'v');
    loop.run_for(3s);
    a.fleet.decided(drain());
    loop.run_for(1s);
    EXPECT_EQ(b.last_state(), AdminState::draining);
    EXPECT_EQ(log.count("too large for the store"), 1);
}

TEST_F(FleetTest, a_process_takes_its_users_along_when_its_name_changes) {
    support::LogLines log(log::Level::info);
    auto& old = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(old.user_logs_in("anna"));
    loop.run_for(20s);
    const auto expect_never = [&](loop::Time::duration time) {
        for (const auto end = loop.now() + time; loop.now() < end;) {
            loop.run_for(100ms);
            EXPECT_FALSE(b.user_logs_in("anna"));
        }
    };
    old.fleet.go_on_as("a.17");
    auto& replacing = node("a");
    expect_never(20s);
    // It fails, and the former takes its name back.
    const auto leaving = loop::Job::start(replacing.fleet.leave());
    expect_never(1s);
    old.fleet.go_on_as("a");
    expect_never(500ms);
    EXPECT_THAT(b.sees(), ElementsAre("b", "a"));
    EXPECT_THAT(old.sees(), ElementsAre("a", "b"));
    expect_never(20s);
    EXPECT_EQ(log.count("another node has the same name"), 0);
    old.held.clear();
    loop.run_for(1100ms);
    EXPECT_TRUE(b.user_logs_in("anna"));
}

TEST_F(FleetTest, entries_of_unknown_tables_and_messages_of_unknown_kinds_are_passed_over) {
    auto& a = node("a");
    loop.run_for(3s);
    store.put(
        Entry{.table = "future", .key = "x", .stamp = {1ms, "z"}, .value = "?", .lifetime = 1h});
    store.put(
        Entry{.table = "nodes", .key = "x", .stamp = {1ms, "z"}, .value = "?", .lifetime = 1h});
    store.put(Message{.node = "z", .kind = "future", .body = "?"});
    loop.run_for(3s);
    EXPECT_TRUE(a.fleet.store().is_reachable);
    EXPECT_THAT(a.sees(), ElementsAre("a"));
}

TEST_F(FleetTest, a_gap_in_the_news_is_filled_from_the_tables) {
    store.log_max = 3;
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    b.link.travel = [] { return 400ms; };
    for (int i = 0; i < 50; ++i)
        a.fleet.decided(
            {.pool = "files", .backend = "f" + std::to_string(i), .state = AdminState::draining});
    loop.run_for(10s);
    EXPECT_EQ(b.obeyed.size(), 50);
}

TEST_F(FleetTest, times_of_a_store_whose_clock_jumps_do_no_harm) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    a.fleet.decided(drain(AdminState::disabled));
    loop.run_for(1s);
    store.clock -= 100h;
    store.is_away = true;
    loop.run_for(3s);
    store.is_away = false;
    loop.run_for(15s);
    b.fleet.decided(drain(AdminState::ready));
    loop.run_for(2s);
    EXPECT_EQ(a.last_state(), AdminState::ready);
    EXPECT_THAT(a.sees(), ElementsAre("a", "b"));
}

TEST_F(FleetTest, what_others_have_counts_for_max_sessions_until_they_are_gone) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 8; ++i) EXPECT_NE(a.log_in(fmt::format("192.0.2.{}", i)), "");
    loop.run_for(1100ms);
    EXPECT_EQ(b.pool->status()[0].sessions_elsewhere, 4);
    EXPECT_EQ(b.log_in("192.0.2.99"), "");
    a.seats.pop_back();
    loop.run_for(1100ms);
    EXPECT_NE(b.log_in("192.0.2.99"), "");
    EXPECT_EQ(b.log_in("192.0.2.98"), "");
    a.link.is_cut = true;
    loop.run_for(12s);
    EXPECT_NE(b.log_in("192.0.2.98"), "");
}

TEST_F(FleetTest, what_all_others_have_counts_together) {
    auto& a = node("a");
    auto& b = node("b");
    auto& c = node("c");
    loop.run_for(3s);
    for (int i = 0; i < 3; ++i) EXPECT_NE(a.log_in(fmt::format("192.0.2.{}", i)), "");
    for (int i = 3; i < 6; ++i) EXPECT_NE(b.log_in(fmt::format("192.0.2.{}", i)), "");
    loop.run_for(1100ms);
    const auto status = c.pool->status();
    EXPECT_EQ(status[0].sessions_elsewhere + status[1].sessions_elsewhere, 6);
}

TEST_F(FleetTest, what_others_had_still_counts_while_the_store_is_away) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 8; ++i) (void)a.log_in(fmt::format("192.0.2.{}", i));
    loop.run_for(1100ms);
    store.is_away = true;
    loop.run_for(10min);
    EXPECT_EQ(b.log_in("192.0.2.99"), "");
}

TEST_F(FleetTest, nearly_full_backends_are_told_of_before_the_next_heartbeat) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 7; ++i) (void)a.log_in(fmt::format("192.0.2.{}", i));
    loop.run_for(2s);
    (void)a.log_in("192.0.2.7");
    loop.run_for(60ms);
    EXPECT_EQ(b.log_in("192.0.2.99"), "");
    a.seats.pop_back();
    loop.run_for(60ms);
    EXPECT_NE(b.log_in("192.0.2.99"), "");
}

TEST_F(FleetTest, a_client_finds_its_backend_again_at_any_node) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    EXPECT_EQ(a.log_in("192.0.2.1"), "f1");
    EXPECT_EQ(a.log_in("192.0.2.2"), "f2");
    a.seats.clear();
    loop.run_for(1100ms);
    EXPECT_EQ(b.log_in("192.0.2.2"), "f2");
    EXPECT_EQ(b.log_in("192.0.2.2"), "f2");
    EXPECT_EQ(b.log_in("192.0.2.1"), "f1");
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_EQ(c.log_in("192.0.2.2"), "f2");
}

TEST_F(FleetTest, a_client_that_is_forgotten_at_one_node_is_forgotten_at_all) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    EXPECT_EQ(a.log_in("192.0.2.1"), "f1");
    a.seats.clear();
    loop.run_for(1100ms);
    EXPECT_EQ(b.pool->clients_remembered(), 1);
    EXPECT_TRUE(b.pool->forget_client({base::Ip::parse("192.0.2.1").value(), ""}));
    loop.run_for(1100ms);
    EXPECT_EQ(a.pool->clients_remembered(), 0);
    // Nor does a node that comes later learn of it.
    auto& c = node("c");
    loop.run_for(1100ms);
    EXPECT_EQ(c.pool->clients_remembered(), 0);
}

TEST_F(FleetTest, a_wiped_store_learns_again_which_backend_each_client_had) {
    auto& a = node("a");
    loop.run_for(3s);
    for (int i = 0; i < 4; ++i) (void)a.log_in(fmt::format("192.0.{}.1", i));
    loop.run_for(3s);
    store.wipe();
    loop.run_for(10s);
    auto& b = node("b");
    loop.run_for(1s);
    EXPECT_EQ(b.pool->clients_remembered(), 4);
}

TEST_F(FleetTest, clients_are_told_in_batches) {
    auto& a = node("a");
    store.is_away = true;
    for (int i = 0; i < 1500; ++i) {
        (void)a.log_in(fmt::format("192.{}.{}.1", i % 200, i / 200));
        a.seats.clear();
    }
    loop.run_for(60s);
    store.is_away = false;
    auto& b = node("b");
    loop.run_for(15s);
    EXPECT_EQ(b.pool->clients_remembered(), 1500);
    EXPECT_LE(store.calls().written_at_once_most, 256);
}

TEST_F(FleetTest, sessions_of_an_address_count_at_all_nodes) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(a.enter("192.0.2.1"));
    loop.run_for(1100ms);
    EXPECT_FALSE(b.enter("192.0.2.1"));
    EXPECT_TRUE(b.enter("192.0.2.2"));
    a.held.pop_back();
    loop.run_for(1100ms);
    EXPECT_TRUE(b.enter("192.0.2.1"));
    EXPECT_FALSE(b.enter("192.0.2.1"));
}

TEST_F(FleetTest, sessions_of_a_user_count_at_all_nodes_and_for_those_that_come_later) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    EXPECT_TRUE(a.user_logs_in("anna"));
    EXPECT_TRUE(a.user_logs_in("anna"));
    EXPECT_TRUE(a.user_logs_in("ben"));
    EXPECT_TRUE(b.user_logs_in("anna"));
    // Long enough for each slice of the table to be written again.
    loop.run_for(40s);
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_FALSE(c.user_logs_in("anna"));
    EXPECT_TRUE(c.user_logs_in("ben"));
    b.held.clear();
    loop.run_for(1100ms);
    EXPECT_TRUE(c.user_logs_in("anna"));
}

TEST_F(FleetTest, sessions_of_a_dead_node_do_not_count) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.user_logs_in("anna"));
    loop.run_for(1100ms);
    EXPECT_FALSE(b.user_logs_in("anna"));
    a.link.is_cut = true;
    loop.run_for(12s);
    EXPECT_TRUE(b.user_logs_in("anna"));
    b.held.clear();
    a.link.is_cut = false;
    loop.run_for(15s);
    EXPECT_FALSE(b.user_logs_in("anna"));
}

TEST_F(FleetTest, sessions_of_a_dead_node_do_not_come_back_with_the_table) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.user_logs_in("anna"));
    loop.run_for(20s);
    a.link.is_cut = true;
    loop.run_for(8s);
    ASSERT_THAT(b.sees(), ElementsAre("b"));
    b.fleet.set_listeners({{"ftp", b.keys}});
    loop.run_for(8s);
    EXPECT_TRUE(b.user_logs_in("anna"));
}

TEST_F(FleetTest, counts_that_a_gap_in_the_news_has_lost_come_again) {
    store.log_max = 1;
    auto& a = node("a");
    auto& b = node("b");
    for (int i = 0; i < 5; ++i) {
        loop.run_for(1s);
        for (int j = 0; j < 100; ++j) (void)a.user_logs_in(fmt::format("u{} {}", i, j));
    }
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(a.user_logs_in("anna"));
    loop.run_for(40s);
    EXPECT_FALSE(b.user_logs_in("anna"));
    a.held.clear();
    loop.run_for(40s);
    EXPECT_TRUE(b.user_logs_in("anna"));
}

TEST_F(FleetTest, a_ban_holds_at_all_nodes_until_it_is_lifted_at_one) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    ASSERT_EQ(a.bans(), 1);
    loop.run_for(1100ms);
    EXPECT_EQ(b.bans(), 1);
    auto& c = node("c");
    loop.run_for(1100ms);
    EXPECT_EQ(c.bans(), 1);
    EXPECT_EQ(c.ledger.unban(base::Ip::parse("192.0.2.1").value(), "", loop.now()), 1);
    loop.run_for(1100ms);
    EXPECT_EQ(a.bans(), 0);
    EXPECT_EQ(b.bans(), 0);
    auto& d = node("d");
    loop.run_for(1100ms);
    EXPECT_EQ(d.bans(), 0);
}

TEST_F(FleetTest, a_ban_ends_at_the_same_time_at_all_nodes) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    loop.run_for(10min - 1s);
    EXPECT_EQ(a.bans(), 1);
    EXPECT_EQ(b.bans(), 1);
    loop.run_for(2s);
    EXPECT_EQ(a.bans(), 0);
    EXPECT_EQ(b.bans(), 0);
}

TEST_F(FleetTest, a_ban_is_no_longer_than_it_was_when_the_stores_clock_goes_back) {
    auto& a = node("a");
    loop.run_for(3s);
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    loop.run_for(3s);
    store.clock -= 30 * 24h;
    auto& b = node("b");
    loop.run_for(3s);
    EXPECT_EQ(b.bans(), 1);
    loop.run_for(10min);
    EXPECT_EQ(b.bans(), 0);
}

TEST_F(FleetTest, a_ban_from_before_the_first_contact_is_told_with_its_own_end) {
    store.is_away = true;
    auto& a = node("a");
    auto& b = node("b");
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    loop.run_for(5min);
    store.is_away = false;
    loop.run_for(15s);
    EXPECT_EQ(b.bans(), 1);
    loop.run_for(5min - 10s);
    EXPECT_EQ(b.bans(), 0);
}

TEST_F(FleetTest, failed_logins_at_several_nodes_count_together) {
    auto& a = node("a");
    auto& b = node("b");
    auto& c = node("c");
    loop.run_for(3s);
    a.fail("192.0.2.1");
    loop.run_for(1100ms);
    b.fail("192.0.2.1");
    loop.run_for(1100ms);
    EXPECT_EQ(c.bans(), 0);
    c.fail("192.0.2.1");
    c.fail("192.0.2.2");
    loop.run_for(2200ms);
    EXPECT_EQ(a.bans(), 1);
    EXPECT_EQ(b.bans(), 1);
    EXPECT_EQ(c.bans(), 1);
}

TEST_F(FleetTest, old_failures_that_the_store_repeats_do_not_count) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    a.fail("192.0.2.1");
    a.fail("192.0.2.1");
    loop.run_for(3s);
    auto& c = node("c");
    loop.run_for(90s);
    store.repeat_messages("failures");
    loop.run_for(1s);
    c.fail("192.0.2.1");
    EXPECT_EQ(c.bans(), 0);
}

TEST_F(FleetTest, names_and_addresses_are_not_readable_in_the_store) {
    auto& a = node("a");
    loop.run_for(3s);
    (void)a.log_in("192.0.2.1");
    (void)a.enter("192.0.2.1");
    (void)a.user_logs_in("secretive-user");
    for (int i = 0; i < 5; ++i) a.fail("192.0.2.1");
    loop.run_for(40s);
    EXPECT_GT(store.size(), 4);
    EXPECT_FALSE(store.contains("192.0.2"));
    EXPECT_FALSE(store.contains("secretive"));
    EXPECT_FALSE(store.contains("anna"));
    EXPECT_TRUE(store.contains("nodes"));
}

TEST_F(FleetTest, a_ticket_of_one_node_is_taken_by_the_others) {
    auto& a = node("a");
    auto& b = node("b");
    EXPECT_FALSE(b.takes_ticket_of(a));
    loop.run_for(3s);
    EXPECT_EQ(a.ticket_key(), b.ticket_key());
    auto& c = node("c");
    loop.run_for(1s);
    EXPECT_EQ(a.ticket_key(), c.ticket_key());
}

TEST_F(FleetTest, tickets_that_a_node_made_before_it_shared_its_key_are_taken_by_the_others) {
    auto& a = node("a");
    const auto name = a.keys->current(loop.now()).name;
    loop.run_for(3s);
    auto& b = node("b");
    loop.run_for(1s);
    EXPECT_TRUE(b.keys->find(name.data()));
}

TEST_F(FleetTest, a_new_ticket_key_encrypts_only_when_the_others_have_it) {
    auto& a = node("a");
    auto& b = node("b");
    a.link.travel = b.link.travel = [] { return loop::Time::duration(150ms); };
    loop.run_for(6s);
    const auto first = a.ticket_key();
    ASSERT_EQ(b.ticket_key(), first);
    for (int i = 0; i < 1400; ++i) {
        loop.run_for(100ms);
        ASSERT_TRUE(b.takes_ticket_of(a)) << i;
        ASSERT_TRUE(a.takes_ticket_of(b)) << i;
    }
    EXPECT_NE(a.ticket_key(), first);
}

TEST_F(FleetTest, one_node_replaces_the_ticket_keys_and_old_tickets_are_still_taken) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    const auto first = a.ticket_key();
    const auto name = a.keys->current(loop.now()).name;
    loop.run_for(2min + 5s);
    EXPECT_NE(a.ticket_key(), first);
    EXPECT_EQ(a.ticket_key(), b.ticket_key());
    EXPECT_TRUE(a.keys->find(name.data()));
    EXPECT_TRUE(b.keys->find(name.data()));
    loop.run_for(6min);
    EXPECT_FALSE(a.keys->find(name.data()));
    EXPECT_EQ(a.ticket_key(), b.ticket_key());
}

TEST_F(FleetTest, a_listener_that_the_first_node_does_not_have_has_common_ticket_keys) {
    node("a");
    loop.run_for(3s);
    const auto of_b = std::make_shared<net::TicketKeys>(2min);
    const auto of_c = std::make_shared<net::TicketKeys>(2min);
    auto& b = node("b");
    auto& c = node("c");
    b.fleet.set_listeners({{"ftp", b.keys}, {"second", of_b}});
    c.fleet.set_listeners({{"ftp", c.keys}, {"second", of_c}});
    const auto are_the_same = [&] {
        const auto name = of_b->current(loop.now()).name;
        return std::ranges::equal(name, of_c->current(loop.now()).name);
    };
    EXPECT_FALSE(are_the_same());
    loop.run_for(70s);
    EXPECT_TRUE(are_the_same());
    const auto first = of_b->current(loop.now()).name;
    loop.run_for(3min + 10s);
    EXPECT_TRUE(are_the_same());
    EXPECT_FALSE(std::ranges::equal(first, of_b->current(loop.now()).name));
}

TEST_F(FleetTest, ticket_keys_outlive_a_wiped_store_and_the_death_of_the_node_that_made_them) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    const auto first = b.ticket_key();
    store.wipe();
    loop.run_for(15s);
    EXPECT_EQ(b.ticket_key(), first);
    a.link.is_cut = true;
    loop.run_for(4min);
    EXPECT_NE(b.ticket_key(), first);
    a.link.is_cut = false;
    loop.run_for(15s);
    EXPECT_EQ(a.ticket_key(), b.ticket_key());
}

TEST_F(FleetTest, one_node_probes_for_all_until_it_is_silent) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    auto& prober = a;
    const ProbeOutcome outcome{.pool = "files",
                               .backend = "f1",
                               .address = {base::Ip::parse("10.0.0.11").value(), 21},
                               .problem = "refused",
                               .took = 5ms};
    for (int i = 0; i < 10; ++i) {
        a.fleet.probed(outcome);
        b.fleet.probed(outcome);
        loop.run_for(1s);
    }
    EXPECT_FALSE(prober.is_silent);
    EXPECT_TRUE(b.is_silent);
    EXPECT_TRUE(a.outcomes.empty());
    ASSERT_GE(b.outcomes.size(), 9);
    EXPECT_EQ(b.outcomes.back().backend, "f1");
    EXPECT_EQ(b.outcomes.back().problem, "refused");
    EXPECT_EQ(b.outcomes.back().took, 5ms);
    // It lives, but its results stop coming.
    loop.run_for(60s);
    EXPECT_FALSE(b.is_silent);
}

TEST_F(FleetTest, each_node_probes_while_the_store_is_away) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    for (int i = 0; i < 5; ++i) {
        a.fleet.probed({"files", "f1", {base::Ip::parse("10.0.0.11").value(), 21}, "", 5ms});
        loop.run_for(1s);
    }
    ASSERT_TRUE(b.is_silent);
    store.is_away = true;
    loop.run_for(5s);
    EXPECT_FALSE(b.is_silent);
    EXPECT_FALSE(a.is_silent);
}

TEST_F(FleetTest, heartbeats_go_on_while_a_slow_store_is_told_much) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    a.link.travel = [] { return 300ms; };
    for (int i = 0; i < 4000; ++i) {
        (void)a.log_in(fmt::format("192.{}.{}.1", i % 200, i / 200));
        a.seats.clear();
    }
    for (int i = 0; i < 100; ++i) {
        loop.run_for(100ms);
        ASSERT_EQ(b.sees().size(), 2) << i;
    }
    loop.run_for(60s);
    EXPECT_EQ(b.pool->clients_remembered(), 4000);
}

// The courier

struct Asking {
    Asking(Fleet& fleet, std::string node, std::string question, loop::Time::duration patience)
        : job(loop::Job::start(
              run(fleet, std::move(node), std::move(question), patience, answer))) {}
    static loop::Task<> run(Fleet& fleet, std::string node, std::string question,
                            loop::Time::duration patience, std::string& answer) {
        const auto said = co_await fleet.ask(std::move(node), std::move(question), patience);
        answer = said ? *said : to_string(said.error());
    }
    std::string answer;
    loop::Job job;
};

TEST_F(FleetTest, a_node_answers_what_another_asks) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    const Asking asking(a.fleet, "b", "now", 2s);
    loop.settle();
    EXPECT_EQ(asking.answer, "not now");
    EXPECT_EQ(b.questions, 1);
    EXPECT_EQ(a.questions, 0);
}

TEST_F(FleetTest, a_long_answer_comes_in_parts) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    const Asking asking(a.fleet, "b", "much", 2s);
    loop.settle();
    EXPECT_EQ(asking.answer, std::string(1'000'000, 'm'));
}

TEST_F(FleetTest, a_question_without_an_answer_ends_in_time) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    const Asking nobody(a.fleet, "z", "now", 2s);
    const Asking slow(a.fleet, "b", "slow", 3s);
    loop.run_for(2s);
    EXPECT_EQ(nobody.answer, "asking node z: Connection timed out");
    EXPECT_EQ(slow.answer, "");
    loop.run_for(30s);
    EXPECT_EQ(slow.answer, "asking node b: Connection timed out");
}

TEST_F(FleetTest, a_question_is_not_asked_while_the_store_is_away) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    store.is_away = true;
    loop.run_for(10s);
    const Asking asking(a.fleet, "b", "now", 2s);
    EXPECT_EQ(asking.answer,
              "asking node b: the store is away: Transport endpoint is not connected");
}

TEST_F(FleetTest, a_question_that_the_store_repeats_is_answered_once) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    const Asking asking(a.fleet, "b", "now", 60s);
    loop.settle();
    ASSERT_EQ(b.questions, 1);
    store.repeat_messages("courier");
    loop.run_for(3s);
    EXPECT_EQ(b.questions, 1);
    loop.run_for(200s);
    store.repeat_messages("courier");
    loop.run_for(3s);
    EXPECT_EQ(b.questions, 1);
}

TEST_F(FleetTest, questions_that_nobody_waits_for_do_not_keep_a_node_from_answering) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    std::deque<Asking> slow;
    for (int i = 0; i < 64; ++i) slow.emplace_back(a.fleet, "b", "slow", 3s);
    loop.run_for(500ms);
    const Asking early(a.fleet, "b", "now", 1s);
    loop.run_for(4s);
    EXPECT_EQ(early.answer, "asking node b: Connection timed out");
    const Asking asking(a.fleet, "b", "now", 2s);
    loop.settle();
    EXPECT_EQ(asking.answer, "not now");
}

TEST_F(FleetTest, answers_that_the_store_cannot_take_do_not_fill_the_memory) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    std::deque<Asking> all;
    for (int i = 0; i < 30; ++i) all.emplace_back(a.fleet, "b", "much", 3s);
    loop.run_for(10s);
    EXPECT_EQ(std::ranges::count(all, std::string(1'000'000, 'm'), &Asking::answer), 16);
}

TEST_F(FleetTest, a_question_that_was_not_sent_before_the_store_was_lost_is_not_sent_after) {
    auto& a = node("a");
    auto& b = node("b");
    loop.run_for(3s);
    a.link.is_cut = true;
    loop.run_for(1500ms);
    ASSERT_TRUE(a.fleet.store().is_reachable);
    const Asking asking(a.fleet, "b", "now", 60s);
    loop.run_for(1s);
    a.link.is_cut = false;
    loop.run_for(15s);
    EXPECT_THAT(asking.answer, HasSubstr("it may have been done"));
    EXPECT_EQ(b.questions, 0);
}

TEST_F(FleetTest, an_answer_is_read_by_the_asker_alone_and_in_small_parts) {
    auto& a = node("a");
    node("b");
    loop.run_for(3s);
    const Asking asking(a.fleet, "b", "much", 2s);
    loop.settle();
    EXPECT_EQ(store.count_messages("courier/a"), 31);
    EXPECT_EQ(store.count_messages("courier/b"), 1);
}

TEST_F(FleetTest, no_node_has_a_name_that_the_store_could_not_take) {
    auto& a = node("a");
    loop.run_for(3s);
    const Asking asking(a.fleet, "b\n", "now", 2s);
    EXPECT_THAT(asking.answer, HasSubstr("no node has such a name"));
}

}  // namespace
}  // namespace ballast::cluster
