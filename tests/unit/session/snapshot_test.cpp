// SPDX-License-Identifier: Apache-2.0
#include "support/test_client.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using support::TestClient;
using support::World;

std::shared_ptr<const config::Listener> denying(const World& world, std::string verb) {
    auto settings = world.listener;
    settings.deny_commands = {std::move(verb)};
    return std::make_shared<const config::Listener>(std::move(settings));
}

TEST(Snapshot, stays_with_the_session_that_began_with_it) {
    World world(1);
    world.set_snapshot(denying(world, "CWD"));
    TestClient before(world);
    EXPECT_EQ(before.code(), 220);
    // From here on only the session holds the first one.
    world.set_snapshot(denying(world, "RNFR"));
    world.renew_pool();
    TestClient after(world, "198.51.100.8:50000");
    EXPECT_TRUE(after.log_in());
    EXPECT_EQ(before.ask("USER anna"), 331);
    EXPECT_EQ(before.ask("PASS secret"), 230);
    EXPECT_EQ(before.ask("CWD a"), 502);
    EXPECT_EQ(before.ask("RNFR a"), 350);
    EXPECT_EQ(after.ask("CWD a"), 200);
    EXPECT_EQ(after.ask("RNFR a"), 502);
    EXPECT_EQ(before.ask("QUIT"), 221);
    EXPECT_EQ(after.ask("QUIT"), 221);
}

TEST(Snapshot, of_the_pools_stays_with_it_too) {
    World world(1);
    TestClient before(world);
    EXPECT_TRUE(before.log_in());
    EXPECT_EQ(world.seats_taken(), 1U);
    world.renew_pool();
    // The new pool counts only its own sessions.
    EXPECT_EQ(world.seats_taken(), 0U);
    TestClient after(world, "198.51.100.8:50000");
    EXPECT_TRUE(after.log_in());
    EXPECT_EQ(world.seats_taken(), 1U);
    EXPECT_EQ(before.ask("QUIT"), 221);
    EXPECT_EQ(after.ask("NOOP"), 200);
    EXPECT_EQ(world.seats_taken(), 1U);
}

}  // namespace
}  // namespace ballast::session
