// SPDX-License-Identifier: Apache-2.0
#include "cluster/store_clock.h"

#include "support/test_loop.h"

#include <gtest/gtest.h>

namespace ballast::cluster {
namespace {

using namespace std::chrono_literals;

class StoreClockTest : public testing::Test {
protected:
    /// It says `now` after so long a time.
    void answer(std::chrono::milliseconds now, loop::Time::duration took) {
        const auto asked_at = loop.now();
        loop.run_for(took);
        (void)clock.answered(now, asked_at);
    }

    support::TestLoop loop;
    StoreClock clock{loop};
};

TEST_F(StoreClockTest, it_is_the_stores_in_the_middle_of_the_question) {
    answer(5000ms, 20ms);
    EXPECT_EQ(clock.now(), 5010ms);
    loop.run_for(1s);
    EXPECT_EQ(clock.now(), 6010ms);
}

TEST_F(StoreClockTest, a_slow_answer_does_not_replace_a_quick_one) {
    answer(5000ms, 2ms);
    answer(5000ms, 200ms);
    EXPECT_EQ(clock.now(), 5201ms);
}

TEST_F(StoreClockTest, a_jump_is_noticed_however_slow_the_answer_is) {
    answer(5000ms, 2ms);
    answer(3'600'000ms, 200ms);
    EXPECT_EQ(clock.now(), 3'600'100ms);
    answer(5000ms, 400ms);
    EXPECT_EQ(clock.now(), 5200ms);
}

TEST_F(StoreClockTest, slow_answers_are_heeded_when_there_are_no_others_for_a_while) {
    answer(5000ms, 0ms);
    loop.run_for(60s);
    answer(99'000ms, 40ms);
    EXPECT_EQ(clock.now(), 99'020ms);
}

}  // namespace
}  // namespace ballast::cluster
