// SPDX-License-Identifier: Apache-2.0
#include "base/token_bucket.h"

#include <gtest/gtest.h>

namespace ballast::base {
namespace {

using namespace std::chrono_literals;

TEST(TokenBucket, gives_a_second_s_worth_at_once_and_then_its_rate) {
    auto now = TokenBucket::Time(1h);
    TokenBucket bucket(10, now);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
    int taken = 0;
    for (int i = 0; i < 500; ++i) {
        now += 10ms;
        taken += bucket.take(now) ? 1 : 0;
    }
    EXPECT_NEAR(taken, 50, 1);
}

TEST(TokenBucket, knows_when_the_next_token_comes) {
    auto now = TokenBucket::Time(1h);
    TokenBucket bucket(4, now);
    EXPECT_EQ(bucket.next(now), now);
    while (bucket.take(now)) {
    }
    EXPECT_FALSE(bucket.is_full(now));
    const auto next = bucket.next(now);
    EXPECT_NEAR(std::chrono::duration<double>(next - now).count(), 0.25, 0.001);
    EXPECT_TRUE(bucket.take(next));
    EXPECT_TRUE(bucket.is_full(next + 2s));
}

TEST(TokenBucket, a_rate_below_one_still_saves_one) {
    auto now = TokenBucket::Time(1h);
    TokenBucket bucket(0.5, now);
    EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now + 1s));
    EXPECT_TRUE(bucket.take(now + 3s));
}

TEST(TokenBucket, saves_for_as_long_as_it_is_told_to) {
    auto now = TokenBucket::Time(1h);
    TokenBucket bucket(100, now, 100ms);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
    now += 1h;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(now));
    EXPECT_FALSE(bucket.take(now));
}

TEST(TokenBucket, knows_when_there_is_one_behind_others) {
    auto now = TokenBucket::Time(1h);
    TokenBucket bucket(10, now);
    EXPECT_EQ(bucket.next(now, 9), now);
    while (bucket.take(now)) {
    }
    const auto next = bucket.next(now, 4);
    EXPECT_NEAR(std::chrono::duration<double>(next - now).count(), 0.5, 0.001);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(bucket.take(next));
}

}  // namespace
}  // namespace ballast::base
