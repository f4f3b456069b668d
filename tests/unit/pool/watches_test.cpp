// SPDX-License-Identifier: Apache-2.0
// How a session learns that its backend is down or shall be left.
#include "loop/recall.h"
#include "pool/pool.h"
#include "support/test_loop.h"

#include <array>
#include <chrono>
#include <expected>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <utility>

namespace ballast::pool {
namespace {

/// A seat whose session watches.
struct Watching {
    explicit Watching(loop::Loop& loop) : signal(loop), recallable(signal) {}

    [[nodiscard]] bool is_called() const { return recallable.is_called(); }
    void take(std::expected<Seat, Refusal> chosen) {
        seat = std::move(chosen.value());
        recallable = loop::Recallable(signal);
        seat.watch(recallable.recall());
    }

    Seat seat;
    loop::Signal signal;
    loop::Recallable recallable;
};

class WatchesTest : public testing::Test {
protected:
    WatchesTest() {
        config.name = "files";
        config.failover = config::Failover::session;
        config.balance = balance::find_policy("round-robin");
        config.probe.rise = 1;
        config.probe.fall = 1;
        for (const char* const name : {"alf1", "alf2"}) {
            config::Backend backend;
            backend.name = name;
            backend.host = "10.0.0.1" + std::string(name).substr(3);
            config.backends.push_back(backend);
        }
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    /// One session on each backend.
    void begin() {
        while (one.seat ? one.seat.backend().name != "alf1" : true) one.take(pool().choose({}, {}));
        while (two.seat ? two.seat.backend().name != "alf2" : true) two.take(pool().choose({}, {}));
    }
    void reload() { pool().configure(std::make_shared<const config::Pool>(config)); }
    BackendId id(std::size_t index) { return pool().status().at(index).backend.id; }

    support::TestLoop loop;
    config::Pool config;
    Watching one{loop};
    Watching two{loop};

private:
    std::shared_ptr<Pool> made_;
};

TEST_F(WatchesTest, a_seat_shows_whether_its_backend_is_down) {
    EXPECT_FALSE(Seat().is_down());
    begin();
    EXPECT_FALSE(one.seat.is_down());
    pool().probe_failed(id(0), "test");
    EXPECT_TRUE(one.seat.is_down());
    EXPECT_FALSE(two.seat.is_down());
    pool().probe_passed(id(0));
    EXPECT_FALSE(one.seat.is_down());
}

TEST_F(WatchesTest, one_failed_probe_is_not_enough_if_more_are_asked_for) {
    config.probe.fall = 2;
    begin();
    pool().probe_passed(id(0));
    pool().probe_failed(id(0), "test");
    EXPECT_FALSE(one.seat.is_down() || one.is_called());
    pool().probe_failed(id(0), "test");
    EXPECT_TRUE(one.seat.is_down() && one.is_called());
}

TEST_F(WatchesTest, an_ejected_backend_is_not_down) {
    config.observe.failures = 1;
    config.observe.panic_threshold = 0;
    begin();
    pool().observe_failure(id(0), "test");
    EXPECT_TRUE(pool().status()[0].is_ejected);
    EXPECT_FALSE(one.seat.is_down() || one.is_called());
}

TEST_F(WatchesTest, wakes_the_sessions_of_a_backend_that_goes_down_and_no_others) {
    begin();
    pool().probe_failed(id(0), "test");
    EXPECT_TRUE(one.is_called());
    EXPECT_FALSE(two.is_called());
}

TEST_F(WatchesTest, wakes_nobody_when_a_backend_comes_up_or_stays_down) {
    begin();
    pool().probe_failed(id(0), "test");
    one.take(pool().choose({}, {}));
    EXPECT_EQ(one.seat.backend().name, "alf2");
    pool().probe_failed(id(0), "test");
    pool().probe_passed(id(0));
    EXPECT_FALSE(one.is_called() || two.is_called());
}

TEST_F(WatchesTest, without_failover_sessions_stay_on_a_backend_that_is_down) {
    config.failover = config::Failover::off;
    begin();
    pool().probe_failed(id(0), "test");
    EXPECT_TRUE(one.seat.is_down());
    EXPECT_FALSE(one.is_called());
    // A reload may change that.
    config.failover = config::Failover::transfer;
    reload();
    EXPECT_TRUE(one.is_called());
    EXPECT_FALSE(two.is_called());
}

TEST_F(WatchesTest, wakes_sessions_to_move_when_their_backend_drains) {
    for (const auto state : {AdminState::draining, AdminState::draining_move}) {
        one.seat = Seat();
        begin();
        pool().administer("alf1", state);
        EXPECT_TRUE(one.is_called()) << to_string(state);
        EXPECT_FALSE(two.is_called()) << to_string(state);
        EXPECT_EQ(one.seat.admin(), state);
        pool().administer("alf1", AdminState::ready);
    }
}

TEST_F(WatchesTest, without_failover_nobody_moves_when_a_backend_drains) {
    config.failover = config::Failover::off;
    begin();
    for (const auto state : {AdminState::draining, AdminState::draining_move}) {
        pool().administer("alf1", state);
        EXPECT_FALSE(one.is_called()) << to_string(state);
    }
    pool().administer("alf1", AdminState::draining_idle);
    EXPECT_TRUE(one.is_called());
}

TEST_F(WatchesTest, a_client_that_sticks_to_a_lost_backend_may_have_another) {
    config.stick.by = config::StickBy::user;
    const Client anna{base::Ip::parse("192.0.2.7").value(), "anna"};
    Seat seat = pool().choose(anna, {}).value();
    seat.logged_in(std::chrono::milliseconds(1));
    const auto own = seat.backend();
    // While its session still holds the seat: the probes say down, or the session has seen it die.
    const auto elsewhere = pool().choose(anna, std::array{own.id});
    ASSERT_TRUE(elsewhere);
    EXPECT_NE(elsewhere->backend().id, own.id);
    pool().probe_failed(own.id, "test");
    const auto moved = pool().choose(anna, {});
    ASSERT_TRUE(moved);
    EXPECT_NE(moved->backend().id, own.id);
}

TEST_F(WatchesTest, a_client_that_insists_on_its_backend_may_not_have_another) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    const Client anna{base::Ip::parse("192.0.2.7").value(), "anna"};
    Seat seat = pool().choose(anna, {}).value();
    seat.logged_in(std::chrono::milliseconds(1));
    const auto own = seat.backend().id;
    EXPECT_EQ(pool().choose(anna, std::array{own}).error(), Refusal::sticky_down);
    pool().probe_failed(own, "test");
    EXPECT_EQ(pool().choose(anna, {}).error(), Refusal::sticky_down);
    pool().probe_passed(own);
    EXPECT_EQ(pool().choose(anna, {})->backend().id, own);
}

}  // namespace
}  // namespace ballast::pool
