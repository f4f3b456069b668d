// SPDX-License-Identifier: Apache-2.0
// What the other balancers of a cluster have on the same backends.
#include "pool/pool.h"
#include "support/log_lines.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }

class ElsewhereTest : public testing::Test {
protected:
    ElsewhereTest() {
        config.name = "files";
        for (const auto* const host : {"10.0.0.11", "10.0.0.12"}) {
            config::Backend backend;
            backend.name = "alf" + std::to_string(config.backends.size() + 1);
            backend.host = host;
            config.backends.push_back(backend);
        }
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    std::string choose() {
        auto seat = pool().choose({ip("192.0.2.7"), "anna"}, {});
        if (!seat) return std::string(to_string(seat.error()));
        seats.push_back(std::move(*seat));
        return seats.back().backend().name;
    }
    static Elsewhere on(const std::string& backend, const char* address, std::uint32_t sessions,
                        std::uint32_t transfers = 0) {
        return {backend, {ip(address), 21}, sessions, transfers};
    }
    void set(std::vector<Elsewhere> loads) { pool().set_elsewhere(loads); }

    support::TestLoop loop;
    config::Pool config;
    std::vector<Seat> seats;

private:
    std::shared_ptr<Pool> made_;
};

TEST_F(ElsewhereTest, max_sessions_counts_those_of_other_balancers) {
    config.backends[0].max_sessions = 3;
    config.backends[1].max_sessions = 1;
    set({on("alf1", "10.0.0.11", 2), on("alf2", "10.0.0.12", 1)});
    EXPECT_EQ(choose(), "alf1");
    EXPECT_EQ(choose(), to_string(Refusal::all_full));
    // More than the limit: two let a client in at once.
    set({on("alf1", "10.0.0.11", 5), on("alf2", "10.0.0.12", 1)});
    EXPECT_EQ(choose(), to_string(Refusal::all_full));
    EXPECT_FALSE(pool().has_other(pool().status()[1].backend.id));
    // What is not said again is over.
    set({on("alf1", "10.0.0.11", 2)});
    EXPECT_EQ(choose(), "alf2");
    EXPECT_EQ(choose(), to_string(Refusal::all_full));
}

TEST_F(ElsewhereTest, seats_on_a_backend_are_given_only_if_others_leave_room) {
    config.backends[0].max_sessions = 2;
    const auto first = pool().status()[0].backend.id;
    set({on("alf1", "10.0.0.11", 2)});
    EXPECT_FALSE(pool().seat_on(first, {ip("192.0.2.7"), "anna"}));
    set({on("alf1", "10.0.0.11", 1)});
    EXPECT_TRUE(pool().seat_on(first, {ip("192.0.2.7"), "anna"}));
}

TEST_F(ElsewhereTest, a_slow_start_counts_those_of_other_balancers) {
    config.backends.resize(1);
    config.backends[0].max_sessions = 10;
    config.slow_start = 10s;
    config.probe.rise = config.probe.fall = 1;
    const auto id = pool().status()[0].backend.id;
    pool().probe_failed(id, "refused");
    ASSERT_TRUE(pool().probe_passed(id));
    loop.run_for(5s);
    set({on("alf1", "10.0.0.11", 4)});
    EXPECT_EQ(choose(), "alf1");  // five by now
    EXPECT_EQ(choose(), to_string(Refusal::all_full));
}

TEST_F(ElsewhereTest, least_sessions_counts_those_of_other_balancers) {
    config.balance = balance::find_policy("least-sessions");
    set({on("alf1", "10.0.0.11", 3)});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(choose(), "alf2");
    EXPECT_EQ(choose(), "alf1");  // three on each
    EXPECT_EQ(choose(), "alf2");
}

TEST_F(ElsewhereTest, least_transfers_counts_those_of_other_balancers) {
    config.balance = balance::find_policy("least-transfers");
    set({on("alf1", "10.0.0.11", 1, 3), on("alf2", "10.0.0.12", 9, 2)});
    EXPECT_EQ(choose(), "alf2");
    const auto first = seats.back().begin_transfer();
    const auto second = seats.back().begin_transfer();
    EXPECT_EQ(choose(), "alf1");
}

TEST_F(ElsewhereTest, the_load_bound_of_a_hash_counts_those_of_other_balancers) {
    config.balance = balance::find_policy("source-hash");
    config.hash_load_percent = 125;
    ASSERT_NE(choose(), to_string(Refusal::all_full));
    const auto own = seats.back().backend();
    seats.clear();
    set({{own.name, own.address, 100, 0}});
    EXPECT_NE(choose(), own.name);
    set({});
    seats.clear();
    EXPECT_EQ(choose(), own.name);
}

TEST_F(ElsewhereTest, the_queue_is_served_when_another_balancer_has_fewer) {
    config.backends.resize(1);
    config.backends[0].max_sessions = 2;
    config.queue.length = 1;
    set({on("alf1", "10.0.0.11", 2)});
    loop::Signal signal(loop);
    auto place = pool().join_queue({ip("192.0.2.7"), "anna"}, {}, signal);
    ASSERT_TRUE(place);
    set({on("alf1", "10.0.0.11", 3)});
    EXPECT_EQ(pool().waiting(), 1U);
    set({on("alf1", "10.0.0.11", 1)});
    EXPECT_EQ(pool().waiting(), 0U);
    loop.settle();
    EXPECT_TRUE(place->take());
}

TEST_F(ElsewhereTest, an_address_that_is_found_later_has_its_count) {
    config.backends.resize(1);
    config.backends[0].host = "files.example";
    config.backends[0].max_sessions = 1;
    set({on("alf1", "10.0.0.21", 1), on("gone", "10.0.0.22", 7)});
    const std::vector<Target> targets = {{.address = {ip("10.0.0.21"), 21}},
                                         {.address = {ip("10.0.0.22"), 21}}};
    pool().set_targets(pool().backends().front(), targets);
    EXPECT_EQ(choose(), "alf1/10.0.0.22");
    EXPECT_EQ(choose(), to_string(Refusal::all_full));
}

TEST_F(ElsewhereTest, a_backend_keeps_its_count_over_a_reload) {
    set({on("alf1", "10.0.0.11", 4)});
    pool().configure(std::make_shared<const config::Pool>(config));
    EXPECT_EQ(pool().status()[0].sessions_elsewhere, 4U);
}

TEST_F(ElsewhereTest, the_status_tells_both_apart) {
    config.balance = balance::find_policy("first");
    EXPECT_EQ(choose(), "alf1");
    set({on("alf1", "10.0.0.11", 4, 2)});
    const auto status = pool().status();
    EXPECT_EQ(status[0].sessions, 1U);
    EXPECT_EQ(status[0].sessions_elsewhere, 4U);
    EXPECT_EQ(status[0].transfers_elsewhere, 2U);
    EXPECT_EQ(status[1].sessions_elsewhere, 0U);
}

TEST_F(ElsewhereTest, a_backend_is_drained_when_nobody_has_sessions_there) {
    support::LogLines lines(log::Level::info);
    const std::string_view drained = "backend drained";
    config.balance = balance::find_policy("first");
    EXPECT_EQ(choose(), "alf1");
    set({on("alf1", "10.0.0.11", 2)});
    EXPECT_TRUE(pool().administer("alf1", AdminState::draining));
    seats.clear();
    EXPECT_FALSE(pool().status()[0].is_drained);
    set({on("alf1", "10.0.0.11", 1)});
    EXPECT_EQ(lines.count(drained), 0U);
    set({});
    EXPECT_TRUE(pool().status()[0].is_drained);
    EXPECT_EQ(lines.count(drained), 1U);
    set({});
    EXPECT_EQ(lines.count(drained), 1U);
}

}  // namespace
}  // namespace ballast::pool
