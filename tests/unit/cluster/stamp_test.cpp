// SPDX-License-Identifier: Apache-2.0
#include "cluster/stamp.h"

#include <gtest/gtest.h>

namespace ballast::cluster {
namespace {

using std::chrono::milliseconds;

TEST(Stamp, the_later_one_wins_and_then_the_name) {
    EXPECT_LT((Stamp{milliseconds(9), "b"}), (Stamp{milliseconds(10), "a"}));
    EXPECT_LT((Stamp{milliseconds(10), "a"}), (Stamp{milliseconds(10), "b"}));
    EXPECT_EQ((Stamp{milliseconds(10), "a"}), (Stamp{milliseconds(10), "a"}));
}

TEST(Stamp, can_be_read_back) {
    const Stamp stamp{milliseconds(1764512345678), "node 1"};
    EXPECT_EQ(to_string(stamp), "1764512345678 node 1");
    EXPECT_EQ(parse_stamp(to_string(stamp)), stamp);
}

TEST(Stamp, other_texts_are_none) {
    for (const auto* const text : {"", "1", "x a", "-1 a", "99999999999999999999 a", " a"})
        EXPECT_EQ(parse_stamp(text), std::nullopt) << text;
}

}  // namespace
}  // namespace ballast::cluster
