// SPDX-License-Identifier: Apache-2.0
#include "pool/load_average.h"

#include <gtest/gtest.h>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

constexpr loop::Time start{1h};

TEST(LoginTime, is_unknown_before_the_first_login) {
    LoginTime time;
    EXPECT_EQ(time.at(start), 0us);
    time.refused(start);
    EXPECT_EQ(time.at(start), 0us);
}

TEST(LoginTime, fades_while_the_backend_gets_no_logins) {
    LoginTime time;
    time.add(80ms, start);
    EXPECT_EQ(time.at(start), 80ms);
    EXPECT_EQ(time.at(start + 2min), 20ms);
    EXPECT_EQ(time.at(start + 1h), 0us);
}

TEST(LoginTime, is_not_shorter_because_logins_are_rare) {
    LoginTime time;
    for (auto since = 0min; since <= 30min; since += 5min) {
        time.add(80ms, start + since);
        EXPECT_EQ(time.at(start + since), 80ms);
    }
}

TEST(LoginTime, does_not_fade_while_logins_are_refused) {
    LoginTime time;
    time.add(80ms, start);
    for (auto since = 1min; since <= 60min; since += 1min) time.refused(start + since);
    EXPECT_EQ(time.at(start + 1h), 80ms);
}

}  // namespace
}  // namespace ballast::pool
