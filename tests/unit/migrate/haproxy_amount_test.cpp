// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_amount.h"

#include <gtest/gtest.h>

namespace ballast::migrate::haproxy {
namespace {

using namespace std::chrono_literals;

TEST(HaproxyAmount, TimesHaveUnitsAndABareNumberIsMilliseconds) {
    EXPECT_EQ(parse_time("20"), 20ms);
    EXPECT_EQ(parse_time("20", 1s), 20s);
    EXPECT_EQ(parse_time("20us"), 20us);
    EXPECT_EQ(parse_time("20ms"), 20ms);
    EXPECT_EQ(parse_time("20s"), 20s);
    EXPECT_EQ(parse_time("20m"), 20min);
    EXPECT_EQ(parse_time("2h"), 2h);
    EXPECT_EQ(parse_time("1d"), 24h);
    EXPECT_EQ(parse_time("0"), 0ms);
    for (const auto* const wrong : {"", "s", "1.5s", "-1", "1 s", "1w", "99999999999999d"})
        EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
}

TEST(HaproxyAmount, SizesAreInUnitsOf1024) {
    EXPECT_EQ(parse_size("100"), 100U);
    EXPECT_EQ(parse_size("10k"), 10240U);
    EXPECT_EQ(parse_size("1M"), 1U << 20U);
    EXPECT_EQ(parse_size("2g"), 2ULL << 30U);
    for (const auto* const wrong : {"", "k", "1kb", "1.5m", "-1", "99999999999999999g"})
        EXPECT_EQ(parse_size(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace ballast::migrate::haproxy
