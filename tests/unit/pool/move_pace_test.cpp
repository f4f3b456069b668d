// SPDX-License-Identifier: Apache-2.0
#include "pool/move_turn.h"
#include "pool/pool.h"
#include "support/test_loop.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

/// A session that asks whenever it was told to.
struct Mover {
    MoveTurn turn;
    bool is_urgent = false;
    loop::Time asks_at{};
    std::optional<loop::Time> went_at = {};
};

class MovePaceTest : public testing::Test {
protected:
    MoveTurn turn() { return MoveTurn(pace); }
    void use_up() {
        auto all = turn();
        while (!all.ask(true)) {
        }
    }
    std::vector<Mover> movers(std::size_t count) {
        std::vector<Mover> made(count);
        for (auto& each : made) each = {.turn = turn(), .asks_at = now};
        return made;
    }
    /// Until this time. Each asks when it was told to, the first of the list first.
    void run(std::vector<Mover>& all, loop::Time end) {
        std::set<std::pair<loop::Time, std::size_t>> due;
        for (std::size_t i = 0; i < all.size(); ++i)
            if (!all[i].went_at) due.emplace(all[i].asks_at, i);
        while (!due.empty() && due.begin()->first <= end) {
            const auto [asks_at, i] = *due.begin();
            due.erase(due.begin());
            now = std::max(now, asks_at);
            ++asked;
            auto& each = all[i];
            if (const auto later = each.turn.ask(each.is_urgent)) {
                EXPECT_GT(*later, now);
                EXPECT_LE(*later, now + 500ms);
                each.asks_at = *later;
                due.emplace(*later, i);
            } else {
                each.went_at = now;
            }
        }
        now = end;
    }
    static std::size_t gone(const std::vector<Mover>& all) {
        return static_cast<std::size_t>(
            std::ranges::count_if(all, [](const Mover& each) { return each.went_at.has_value(); }));
    }

    loop::Time now{1h};
    std::shared_ptr<MovePace> pace = std::make_shared<MovePace>(200, [this] { return now; });
    std::size_t asked = 0;
};

TEST_F(MovePaceTest, lets_a_tenth_of_a_second_s_worth_go_at_once_and_then_its_rate) {
    auto all = movers(100);
    run(all, now);
    EXPECT_EQ(gone(all), 20U);
    run(all, now + 100ms);
    EXPECT_NEAR(static_cast<double>(gone(all)), 40, 1);
}

TEST_F(MovePaceTest, a_low_rate_lets_one_go_at_once) {
    pace->set_rate(0.5);
    auto first = turn();
    auto second = turn();
    EXPECT_EQ(first.ask(false), std::nullopt);
    EXPECT_EQ(second.ask(false), now + 500ms);
    now += 2001ms;
    EXPECT_EQ(second.ask(false), std::nullopt);
}

TEST_F(MovePaceTest, without_a_pace_whoever_asks_may_go) {
    MoveTurn none;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(none.ask(false), std::nullopt);
}

TEST_F(MovePaceTest, asking_again_after_going_is_a_new_turn) {
    auto first = turn();
    EXPECT_EQ(first.ask(false), std::nullopt);
    use_up();
    auto second = turn();
    const auto of_second = second.ask(false);
    const auto of_first = first.ask(false);
    ASSERT_TRUE(of_first && of_second);
    EXPECT_GT(*of_first, *of_second);
}

TEST_F(MovePaceTest, serves_those_who_came_first_first) {
    use_up();
    auto all = movers(50);
    // The last one asks first.
    std::ranges::reverse(all);
    run(all, now + 1s);
    ASSERT_EQ(gone(all), 50U);
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_GT(*all[i - 1].went_at, *all[i].went_at);
}

TEST_F(MovePaceTest, serves_urgent_ones_before_others) {
    use_up();
    auto all = movers(60);
    for (std::size_t i = 40; i < all.size(); ++i) all[i].is_urgent = true;
    run(all, now + 1s);
    ASSERT_EQ(gone(all), 60U);
    const auto went = [](const Mover& each) { return *each.went_at; };
    const auto last_urgent =
        *std::ranges::max_element(all.begin() + 40, all.end(), {}, went)->went_at;
    // Some of the others asked before anybody had said that it is urgent.
    EXPECT_LE(last_urgent, loop::Time(1h) + 105ms);
    EXPECT_GE(*all[39].went_at, last_urgent);
    for (std::size_t i = 41; i < all.size(); ++i) EXPECT_LT(*all[i - 1].went_at, *all[i].went_at);
}

TEST_F(MovePaceTest, a_turn_that_becomes_urgent_comes_by_its_own_number_among_the_urgent_ones) {
    use_up();
    auto all = movers(30);
    for (std::size_t i = 20; i < all.size(); ++i) all[i].is_urgent = true;
    run(all, now);  // all have asked
    all[10].is_urgent = true;
    all[10].asks_at = now;
    run(all, now + 1s);
    ASSERT_EQ(gone(all), 30U);
    for (std::size_t i = 21; i < all.size(); ++i) EXPECT_LT(*all[10].went_at, *all[i].went_at);
    EXPECT_LT(*all[10].went_at, *all[5].went_at);
}

TEST_F(MovePaceTest, those_behind_one_that_leaves_move_up) {
    use_up();
    auto first = turn();
    auto second = turn();
    const auto of_first = first.ask(false);
    const auto of_second = second.ask(false);
    ASSERT_TRUE(of_first && of_second);
    EXPECT_LT(*of_first, *of_second);
    first = MoveTurn();
    now = *of_first;
    EXPECT_EQ(second.ask(false), std::nullopt);
}

TEST_F(MovePaceTest, one_that_does_not_ask_holds_up_nobody_and_keeps_its_place) {
    pace->set_rate(1);
    use_up();
    auto silent = turn();
    auto never = turn();
    auto last = movers(1);
    ASSERT_TRUE(silent.ask(false));
    run(last, now + 1500ms);
    EXPECT_EQ(gone(last), 1U);
    auto further = turn();
    now += 600ms;
    EXPECT_EQ(silent.ask(false), std::nullopt);
    EXPECT_NE(further.ask(false), std::nullopt);
}

TEST_F(MovePaceTest, five_thousand_go_in_order_at_the_rate_and_none_starves) {
    auto all = movers(5000);
    const auto began = now;
    run(all, now + 26s);
    EXPECT_EQ(gone(all), all.size());
    for (std::size_t i = 1; i < all.size(); ++i)
        EXPECT_LE(*all[i - 1].went_at, *all[i].went_at) << i;
    const std::chrono::duration<double> taken = *all.back().went_at - began;
    EXPECT_NEAR(taken.count(), (5000 - 20) / 200.0, 0.5);
    // Twice a second each, while it waits: half of the time on average.
    EXPECT_LT(asked, all.size() * 2 * 25 / 2 * 11 / 10);
}

TEST_F(MovePaceTest, half_of_them_leaving_costs_little_time) {
    auto all = movers(1000);
    run(all, now);
    std::erase_if(all, [i = 0](const Mover&) mutable { return i++ % 2 == 1; });
    const auto began = now;
    run(all, now + 5s);
    EXPECT_EQ(gone(all), 500U);
    const std::chrono::duration<double> taken = *all.back().went_at - began;
    EXPECT_LT(taken.count(), 490 / 200.0 + 0.6);
}

TEST_F(MovePaceTest, a_new_rate_holds_from_now_on) {
    pace->set_rate(1);
    auto all = movers(100);
    run(all, now + 1s);
    EXPECT_LE(gone(all), 2U);
    pace->set_rate(1000);
    run(all, now + 1s);
    EXPECT_EQ(gone(all), 100U);
}

TEST_F(MovePaceTest, a_pool_has_the_rate_of_its_settings) {
    config::Pool config;
    config.failover_rate = 10;
    const auto pool = std::make_shared<Pool>(config, [this] { return now; });
    auto turns = std::array{pool->move_turn(), pool->move_turn()};
    EXPECT_EQ(turns[0].ask(false), std::nullopt);
    EXPECT_NE(turns[1].ask(false), std::nullopt);
    config.failover_rate = 1000;
    pool->configure(std::make_shared<const config::Pool>(config));
    now += 2ms;
    EXPECT_EQ(turns[1].ask(false), std::nullopt);
}

TEST(MovePace, serves_several_threads) {
    constexpr int threads = 4;
    constexpr int turns = 500;
    const auto pace = std::make_shared<MovePace>(1e5, std::chrono::steady_clock::now);
    std::atomic<int> gone = 0;
    {
        std::vector<std::jthread> all;
        for (int i = 0; i < threads; ++i)
            all.emplace_back([&] {
                MoveTurn left(pace);
                for (int n = 0; n < turns; ++n) {
                    MoveTurn turn(pace);
                    while (turn.ask(n % 2 == 0)) std::this_thread::yield();
                    ++gone;
                }
            });
    }
    EXPECT_EQ(gone, threads * turns);
}

}  // namespace
}  // namespace ballast::pool
