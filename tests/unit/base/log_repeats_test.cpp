// SPDX-License-Identifier: Apache-2.0
#include "base/log_repeats.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::log {
namespace {

using namespace std::chrono_literals;

TEST(Repeats, lets_a_number_of_a_kind_through_per_second_and_counts_the_others) {
    Repeats repeats;
    Repeats::Time now{1h};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(repeats.admit("a", 3, now), 0U);
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(repeats.admit("a", 3, now + 999ms));
    EXPECT_EQ(repeats.admit("b", 3, now), 0U);
    EXPECT_EQ(repeats.admit("a", 3, now + 1s), 5U);
    EXPECT_EQ(repeats.admit("a", 3, now + 1s), 0U);
}

TEST(Repeats, reports_left_out_lines_when_no_similar_line_follows) {
    Repeats repeats;
    const Repeats::Time now{1h};
    for (int i = 0; i < 10; ++i) (void)repeats.admit("a", 1, now);
    EXPECT_TRUE(repeats.take_left_out(now + 999ms).empty());
    const auto told = repeats.take_left_out(now + 1s);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().kind, "a");
    EXPECT_EQ(told.front().lines, 9U);
    EXPECT_TRUE(repeats.take_left_out(now + 2s).empty());
    EXPECT_EQ(repeats.admit("a", 1, now + 2s), 0U);
}

TEST(Repeats, has_no_limit_if_none_is_set) {
    Repeats repeats;
    for (int i = 0; i < 1000; ++i) EXPECT_EQ(repeats.admit("a", 0, Repeats::Time(1h)), 0U);
}

TEST(Repeats, keeps_a_bounded_number_of_kinds_and_forgets_none_with_lines_to_report) {
    Repeats repeats;
    const Repeats::Time now{1h};
    for (int i = 0; i < 5000; ++i)
        for (int j = 0; j < 2; ++j) (void)repeats.admit("kind " + std::to_string(i), 1, now);
    const auto told = repeats.take_left_out(now + 1s);
    EXPECT_LE(told.size(), 1025U);
    std::uint64_t lines = 0;
    for (const auto& each : told) lines += each.lines;
    // All but the written ones.
    EXPECT_EQ(lines, 10'000U - told.size());
}

}  // namespace
}  // namespace ballast::log
