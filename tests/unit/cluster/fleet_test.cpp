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
              fleet(test.loop, link, *key, {.node = std::move(name), .heartbeat = 1s, .seed = seed},
                    {.look = [this] { return facts; },
                     .obey =
                         [this](const Decision& decision) {
                             if (!has_backend) return false;
                             obeyed.push_back(decision);
                             return true;
                         },
                     .answer =
                         [this](std::string question) { return answer(std::move(question)); }}) {
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

}  // namespace
}  // namespace ballast::cluster
