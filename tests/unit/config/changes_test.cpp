// SPDX-License-Identifier: Apache-2.0
#include "config/changes.h"

#include <gtest/gtest.h>

namespace ballast::config {
namespace {

TEST(Changes, names_what_needs_a_restart_with_both_values_and_the_reason) {
    Config running;
    Config wanted;
    wanted.workers = 3;
    const auto found = needs_restart(running, wanted);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0],
              "workers is 3 in the file and stays 0 until the next start: threads begin at the "
              "start, and sessions stay on theirs");
}

TEST(Changes, names_the_key_of_a_table) {
    Config running;
    Config wanted;
    wanted.admin.socket = "/run/other.sock";
    const auto found = needs_restart(running, wanted);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(found[0].starts_with("admin.socket is \"/run/other.sock\"")) << found[0];
}

TEST(Changes, says_nothing_of_what_a_reload_changes) {
    Config running;
    Config wanted;
    wanted.log.level = LogLevel::debug;
    wanted.limits.sessions = 7;
    wanted.shutdown_timeout = std::chrono::seconds(1);
    wanted.pools.emplace_back().name = "files";
    EXPECT_TRUE(needs_restart(running, wanted).empty());
}

}  // namespace
}  // namespace ballast::config
