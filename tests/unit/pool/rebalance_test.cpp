// SPDX-License-Identifier: Apache-2.0
// How a pool asks sessions to move to a backend that has fewer than its share.
#include "loop/recall.h"
#include "pool/pool.h"
#include "support/test_loop.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <gtest/gtest.h>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

class RebalanceTest : public testing::Test {
protected:
    /// A session that has logged in and watches.
    struct Session {
        explicit Session(loop::Loop& loop) : signal(loop) {}
        void take(Seat chosen) {
            seat = std::move(chosen);
            recallable = loop::Recallable(signal);
            seat.watch(recallable.recall());
            seat.logged_in(1ms);
        }
        Seat seat;
        loop::Signal signal;
        loop::Recallable recallable;
    };

    RebalanceTest() {
        config.name = "files";
        config.failover = config::Failover::session;
        config.rebalance = 10;
        config.balance = balance::find_policy("least-sessions");
        config.probe.rise = 1;
        config.probe.fall = 1;
        add_backend("alf1");
        add_backend("alf2");
    }
    void add_backend(const std::string& name) {
        config::Backend backend;
        backend.name = name;
        backend.host = "10.0.0.1" + name.substr(3);
        config.backends.push_back(backend);
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    void reload() { pool().configure(std::make_shared<const config::Pool>(config)); }
    BackendId id(std::size_t index) { return pool().status().at(index).backend.id; }
    std::uint32_t sessions_of(std::size_t index) { return pool().status().at(index).sessions; }

    void begin(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i)
            sessions.emplace_back(loop).take(pool().choose({}, {}).value());
    }
    /// All on alf1, and alf2 has just come up again.
    void begin_on_one(std::size_t count) {
        pool().probe_failed(id(1), "test");
        begin(count);
        run(11s);
        pool().probe_passed(id(1));
    }
    void run(loop::Time::duration time) {
        for (const auto end = loop.now() + time; loop.now() < end; loop.run_for(200ms))
            pool().tick();
    }
    std::size_t asked() const {
        std::size_t count = 0;
        for (const auto& each : sessions) count += each.seat.move_target() ? 1 : 0;
        return count;
    }
    /// As sessions do that are idle.
    std::size_t move_those_asked() {
        std::size_t count = 0;
        for (auto& each : sessions) {
            const auto target = each.seat.move_target();
            if (!target) continue;
            EXPECT_TRUE(each.recallable.is_called());
            auto seat = pool().seat_on(*target, {});
            if (!seat) {
                each.seat.decline_move();
                continue;
            }
            each.take(std::move(*seat));
            ++count;
        }
        return count;
    }

    support::TestLoop loop;
    config::Pool config;
    std::list<Session> sessions;

private:
    std::shared_ptr<Pool> made_;
};

TEST_F(RebalanceTest, moves_sessions_to_a_backend_that_came_up_again_at_its_pace) {
    begin_on_one(100);
    run(1s);
    EXPECT_NEAR(static_cast<double>(asked()), 14, 1);  // with half a second's at once
    for (int i = 0; i < 50; ++i) {
        const auto before = sessions_of(1);
        (void)move_those_asked();
        run(1s);
        EXPECT_LE(sessions_of(1), before + 15);
    }
    EXPECT_GE(sessions_of(1), 45U);
    EXPECT_LE(sessions_of(1), 50U);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(RebalanceTest, moves_sessions_to_a_backend_that_is_new) {
    begin(60);
    run(11s);
    EXPECT_EQ(asked(), 0U);
    add_backend("alf3");
    reload();
    for (int i = 0; i < 20; ++i) {
        run(1s);
        (void)move_those_asked();
    }
    EXPECT_GE(sessions_of(2), 18U);
    EXPECT_LE(sessions_of(2), 20U);
}

TEST_F(RebalanceTest, asks_nobody_while_it_is_off) {
    const auto expect_nobody = [&] {
        SCOPED_TRACE(config.name);
        sessions.clear();
        reload();
        begin_on_one(20);
        run(2s);
        EXPECT_EQ(asked(), 0U);
    };
    const auto as_it_was = config;
    config.rebalance = 0;
    expect_nobody();
    config = as_it_was;
    config.failover = config::Failover::off;
    expect_nobody();
    config = as_it_was;
    config.stick.by = config::StickBy::network;
    expect_nobody();
    for (const auto* const policy : {"source-hash", "user-hash", "first"}) {
        config = as_it_was;
        config.balance = balance::find_policy(policy);
        expect_nobody();
    }
}

TEST_F(RebalanceTest, takes_its_wishes_back_when_it_is_switched_off) {
    begin_on_one(20);
    run(600ms);
    EXPECT_GT(asked(), 0U);
    config.rebalance = 0;
    reload();
    run(200ms);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(RebalanceTest, asks_only_sessions_that_logged_in_some_time_ago) {
    pool().probe_failed(id(1), "test");
    begin(20);
    std::list<Session> still_logging_in;
    for (int i = 0; i < 20; ++i) {
        auto& each = still_logging_in.emplace_back(loop);
        each.seat = pool().choose({}, {}).value();
        each.recallable = loop::Recallable(each.signal);
        each.seat.watch(each.recallable.recall());
    }
    pool().probe_passed(id(1));
    run(9s);
    EXPECT_EQ(asked(), 0U);
    run(2s);
    EXPECT_GT(asked(), 0U);
    run(4s);
    for (const auto& each : still_logging_in) EXPECT_EQ(each.seat.move_target(), std::nullopt);
}

TEST_F(RebalanceTest, a_session_that_declines_is_left_alone_for_a_while) {
    const auto decline_all = [this] {
        for (auto& each : sessions) each.seat.decline_move();
    };
    begin_on_one(6);
    run(600ms);
    EXPECT_EQ(asked(), 2U);  // then both are within one session of their share
    decline_all();
    run(600ms);
    EXPECT_EQ(asked(), 2U);
    decline_all();
    run(600ms);
    EXPECT_EQ(asked(), 2U);
    decline_all();
    run(7s);
    EXPECT_EQ(asked(), 0U);
    run(3s);
    EXPECT_EQ(asked(), 2U);
}

TEST_F(RebalanceTest, does_not_wait_for_a_session_that_is_busy) {
    begin_on_one(20);
    run(2s);
    EXPECT_EQ(asked(), 9U);
    EXPECT_TRUE(sessions.front().seat.move_target());
    EXPECT_FALSE(sessions.back().seat.move_target());
    run(5s);
    EXPECT_EQ(asked(), 9U);  // others
    EXPECT_FALSE(sessions.front().seat.move_target());
}

TEST_F(RebalanceTest, an_ended_session_frees_its_wish) {
    begin_on_one(40);
    run(3s);
    EXPECT_EQ(asked(), 18U);
    std::erase_if(sessions,
                  [](const Session& each) { return each.seat.move_target().has_value(); });
    run(2s);
    EXPECT_EQ(asked(), 10U);
}

TEST_F(RebalanceTest, goes_by_weight_and_does_not_fill_a_backend_beyond_its_limit) {
    config.backends[0].weight = 3;
    begin_on_one(40);
    run(5s);
    EXPECT_NEAR(static_cast<double>(asked()), 9, 1);
    move_those_asked();
    config.backends[0].weight = 1;
    config.backends[1].max_sessions = 12;
    reload();
    for (int i = 0; i < 20; ++i) {
        run(1s);
        (void)move_those_asked();
        EXPECT_LE(sessions_of(1), 12U);
    }
}

TEST_F(RebalanceTest, follows_a_slow_start) {
    config.slow_start = 100s;
    begin_on_one(100);
    run(10s);
    (void)move_those_asked();
    EXPECT_LE(sessions_of(1), 11U);
    for (int i = 0; i < 120; ++i) {
        run(1s);
        (void)move_those_asked();
    }
    EXPECT_GE(sessions_of(1), 45U);
}

TEST_F(RebalanceTest, brings_sessions_back_from_a_backup) {
    config.backends[1].backup = true;
    pool().probe_failed(id(0), "test");
    begin(20);
    run(11s);
    EXPECT_EQ(sessions_of(1), 20U);
    EXPECT_EQ(asked(), 0U);
    pool().probe_passed(id(0));
    for (int i = 0; i < 20; ++i) {
        run(1s);
        (void)move_those_asked();
    }
    EXPECT_EQ(sessions_of(0), 20U);
}

TEST_F(RebalanceTest, moves_nobody_to_a_backend_that_is_drained_down_or_ejected) {
    begin_on_one(20);
    pool().administer("alf2", AdminState::draining);
    run(2s);
    EXPECT_EQ(asked(), 0U);
    pool().administer("alf2", AdminState::ready);
    run(1s);
    EXPECT_GT(asked(), 0U);
    pool().probe_failed(id(1), "test");
    // Those that were asked find no seat.
    EXPECT_EQ(move_those_asked(), 0U);
    run(20s);
    EXPECT_EQ(asked(), 0U);
}

TEST_F(RebalanceTest, a_seat_on_one_backend_is_given_only_there) {
    EXPECT_FALSE(pool().seat_on(4711, {}));
    auto seat = pool().seat_on(id(1), {});
    ASSERT_TRUE(seat);
    EXPECT_EQ(seat->backend().name, "alf2");
    EXPECT_EQ(sessions_of(1), 1U);
    config.backends[1].max_sessions = 1;
    reload();
    EXPECT_FALSE(pool().seat_on(id(1), {}));
    seat.reset();
    EXPECT_TRUE(pool().seat_on(id(1), {}));
}

TEST_F(RebalanceTest, each_balancer_of_a_cluster_balances_its_own_sessions) {
    begin_on_one(100);
    const auto address = pool().status().at(1).backend.address;
    pool().set_elsewhere({{Elsewhere{"alf2", address, 1000, 0}}});
    run(1s);
    EXPECT_GT(asked(), 0U);
}

TEST_F(RebalanceTest, sessions_move_only_where_other_balancers_leave_room) {
    config.backends[1].max_sessions = 10;
    begin_on_one(100);
    const auto address = pool().status().at(1).backend.address;
    pool().set_elsewhere({{Elsewhere{"alf2", address, 10, 0}}});
    run(1s);
    EXPECT_EQ(asked(), 0U);
    pool().set_elsewhere({});
    run(1s);
    EXPECT_GT(asked(), 0U);
}

}  // namespace
}  // namespace ballast::pool
