// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.h"

#include <gtest/gtest.h>

namespace ballast::base {
namespace {

TEST(PortRangeTest, text_is_read_and_written_back) {
    const struct {
        const char* text;
        PortRange range;
        const char* written;
    } rows[] = {
        {"20000-20099", {20000, 20099}, "20000-20099"},
        {"20000", {20000, 20000}, "20000"},
        {"20000-20000", {20000, 20000}, "20000"},
        {"1-65535", {1, 65535}, "1-65535"},
    };
    for (const auto& row : rows) {
        EXPECT_EQ(PortRange::parse(row.text), row.range) << row.text;
        EXPECT_EQ(to_string(row.range), row.written);
    }
}

TEST(PortRangeTest, text_that_is_not_a_range_is_refused) {
    for (const auto* text :
         {"", "-", "20000-", "-20099", "20099-20000", "0", "0-10", "0-0", "65536", "1-65536",
          "20000 - 20099", "20000-20099-20100", "20000:20099", "+1", "20000--20099", "a-b"}) {
        EXPECT_FALSE(PortRange::parse(text)) << text;
    }
}

TEST(PortRangeTest, both_ends_belong_to_the_range) {
    const PortRange range{100, 109};
    EXPECT_EQ(range.size(), 10U);
    EXPECT_EQ((PortRange{1, 65535}.size()), 65535U);
    EXPECT_FALSE(range.contains(99));
    EXPECT_TRUE(range.contains(100));
    EXPECT_TRUE(range.contains(109));
    EXPECT_FALSE(range.contains(110));
}

TEST(PortRangeTest, ranges_overlap_when_they_share_a_port) {
    const PortRange range{100, 109};
    EXPECT_TRUE(range.overlaps({109, 200}));
    EXPECT_TRUE(range.overlaps({1, 100}));
    EXPECT_TRUE(range.overlaps({104, 105}));
    EXPECT_TRUE(range.overlaps({1, 65535}));
    EXPECT_FALSE(range.overlaps({110, 200}));
    EXPECT_FALSE(range.overlaps({1, 99}));
}

TEST(PortTest, a_port_is_digits_up_to_65535) {
    EXPECT_EQ(parse_port("0"), 0);
    EXPECT_EQ(parse_port("65535"), 65535);
    for (const auto* text : {"", "65536", "-1", "+1", " 1", "1 ", "1a", "0x10", "99999999999"})
        EXPECT_FALSE(parse_port(text)) << text;
}

}  // namespace
}  // namespace ballast::base
