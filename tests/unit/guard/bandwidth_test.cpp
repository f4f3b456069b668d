// SPDX-License-Identifier: Apache-2.0
#include "guard/bandwidth.h"

#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace ballast::guard {
namespace {

using namespace std::chrono_literals;
using Time = Bandwidth::Time;

/// Transfers that always have bytes to move, with timers that fire a little late.
class Crowd {
public:
    void join(std::vector<std::shared_ptr<Bandwidth>> shares) {
        members_.push_back({Throttle(std::move(shares)), 0});
        due_.emplace(now_, members_.size() - 1);
    }
    void run_for(std::chrono::milliseconds time) {
        const auto end = now_ + time;
        while (!due_.empty() && due_.begin()->first < end) {
            const auto [at, index] = *due_.begin();
            due_.erase(due_.begin());
            now_ = std::max(now_, at);
            auto& member = members_[index];
            const auto bytes = member.throttle.allowance(now_);
            member.throttle.spend(bytes);
            member.moved += bytes;
            ++turns_;
            (void)member.throttle.allowance(now_);
            due_.emplace(std::max(now_, member.throttle.next()) + lateness_, index);
        }
        now_ = end;
    }
    [[nodiscard]] double moved(std::size_t index) const {
        return static_cast<double>(members_.at(index).moved);
    }
    [[nodiscard]] double moved() const {
        return std::accumulate(
            members_.begin(), members_.end(), 0.0,
            [](double sum, const auto& each) { return sum + static_cast<double>(each.moved); });
    }
    [[nodiscard]] int turns() const { return turns_; }
    [[nodiscard]] Time now() const { return now_; }

private:
    struct Member {
        Throttle throttle;
        std::size_t moved;
    };
    static constexpr auto lateness_ = 700us;
    std::vector<Member> members_;
    std::multimap<Time, std::size_t> due_;
    Time now_ = Time(1h);
    int turns_ = 0;
};

class Shares : public testing::TestWithParam<std::size_t> {};

TEST_P(Shares, are_equal_and_use_the_whole_rate) {
    Crowd crowd;
    const auto bandwidth = std::make_shared<Bandwidth>(10'000'000);
    for (std::size_t i = 0; i < GetParam(); ++i) crowd.join({bandwidth});
    crowd.run_for(10s);
    EXPECT_NEAR(crowd.moved(), 100e6, 1e6);
    const double fair = 100e6 / static_cast<double>(GetParam());
    for (std::size_t i = 0; i < GetParam(); ++i) EXPECT_NEAR(crowd.moved(i), fair, 0.05 * fair);
    // About 200 quanta a second for any number of transfers, and the small ones at the beginning.
    // Every request gets something.
    EXPECT_LE(crowd.turns(), 10 * 220 + 10 * static_cast<int>(GetParam()));
}
INSTANTIATE_TEST_SUITE_P(Bandwidth, Shares, testing::Values(1, 2, 7, 50));

TEST(Bandwidth, a_slower_transfer_leaves_the_rest_to_the_others) {
    Crowd crowd;
    const auto all = std::make_shared<Bandwidth>(1'000'000);
    crowd.join({all, std::make_shared<Bandwidth>(100'000)});
    crowd.join({all});
    crowd.join({all});
    crowd.run_for(20s);
    EXPECT_NEAR(crowd.moved(0), 2e6, 0.1e6);
    EXPECT_NEAR(crowd.moved(1), 9e6, 0.45e6);
    EXPECT_NEAR(crowd.moved(2), 9e6, 0.45e6);
}

TEST(Bandwidth, a_late_transfer_has_its_share_from_then_on) {
    Crowd crowd;
    const auto all = std::make_shared<Bandwidth>(1'000'000);
    crowd.join({all});
    crowd.run_for(10s);
    crowd.join({all});
    crowd.run_for(10s);
    EXPECT_NEAR(crowd.moved(0), 15e6, 0.75e6);
    EXPECT_NEAR(crowd.moved(1), 5e6, 0.25e6);
}

TEST(Bandwidth, unused_bandwidth_is_not_saved_up) {
    Bandwidth bandwidth(1'000'000);
    const Time now(1h);
    EXPECT_LE(bandwidth.reserve(1000, now), now);
    const Time later = now + 1min;
    Time last;
    for (int i = 0; i < 1000; ++i) last = bandwidth.reserve(1000, later);
    EXPECT_GE(last, later + 900ms);
}

TEST(Bandwidth, a_new_rate_applies_to_later_turns) {
    Bandwidth bandwidth(1000);
    const Time now(1h);
    (void)bandwidth.reserve(1000, now);
    bandwidth.set_rate(1'000'000);
    const auto turn = bandwidth.reserve(1'000'000, now);
    EXPECT_NEAR(std::chrono::duration<double>(turn - now).count(), 0.95, 0.01);
    EXPECT_NEAR(std::chrono::duration<double>(bandwidth.reserve(1, now) - now).count(), 1.95, 0.01);
}

TEST(Throttle, without_shares_lets_everything_pass) {
    Throttle throttle;
    EXPECT_FALSE(throttle.is_limited());
    EXPECT_GT(throttle.allowance(Time(1h)), 1'000'000'000U);
}

TEST(Throttle, keeps_the_unused_part_of_a_turn) {
    const auto bandwidth = std::make_shared<Bandwidth>(2'000'000);
    Throttle throttle({bandwidth});
    const Time now(1h);
    EXPECT_EQ(throttle.allowance(now), 1024U);
    throttle.spend(1000);
    EXPECT_EQ(throttle.allowance(now), 24U);
}

TEST(Throttle, takes_longer_turns_the_more_it_moves) {
    const auto bandwidth = std::make_shared<Bandwidth>(2'000'000);
    Throttle throttle({bandwidth});
    std::vector<std::size_t> turns;
    for (Time now(1h); turns.size() < 6; now += 1s) {
        turns.push_back(throttle.allowance(now));
        throttle.spend(turns.back());
    }
    EXPECT_EQ(turns, (std::vector<std::size_t>{1024, 2048, 4096, 8192, 10'000, 10'000}));
}

TEST(Throttle, gives_back_what_it_did_not_move) {
    const auto bandwidth = std::make_shared<Bandwidth>(100'000);
    const Time now(1h);
    // Transfers that were started and cancelled leave nothing reserved, and neither do copies.
    for (int i = 0; i < 10'000; ++i) {
        Throttle aborted({bandwidth});
        (void)aborted.allowance(now);
        auto other = aborted;
        (void)other.allowance(now);
        other = aborted;
    }
    EXPECT_LE(bandwidth->reserve(1, now), now);
}

TEST(Throttle, small_files_get_the_whole_rate) {
    const auto bandwidth = std::make_shared<Bandwidth>(10'000'000);
    // Fifty sessions, each with one 2 KB file after the other.
    Time now(1h);
    std::multimap<Time, std::pair<Throttle, std::size_t>> due;
    for (int i = 0; i < 50; ++i) due.emplace(now, std::pair(Throttle({bandwidth}), 2000U));
    std::size_t moved = 0;
    const auto end = now + 10s;
    while (due.begin()->first < end) {
        auto node = due.extract(due.begin());
        now = std::max(now, node.key());
        auto& [throttle, left] = node.mapped();
        const auto bytes = std::min(left, throttle.allowance(now));
        throttle.spend(bytes);
        moved += bytes;
        left -= bytes;
        if (left == 0) {
            throttle = Throttle({bandwidth});
            left = 2000;
        }
        (void)throttle.allowance(now);
        node.key() = std::max(now + 10us, throttle.next());
        due.insert(std::move(node));
    }
    EXPECT_GT(static_cast<double>(moved), 0.9 * 100e6);
    EXPECT_LT(static_cast<double>(moved), 1.02 * 100e6);
}

}  // namespace
}  // namespace ballast::guard
