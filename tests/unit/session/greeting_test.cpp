// SPDX-License-Identifier: Apache-2.0
#include "session/greeting.h"

#include "support/test_client.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using support::TestClient;
using support::World;

class Greeting : public testing::Test {
protected:
    Greeting() { world.listener.greeting = "backend"; }
    void learn(std::size_t index, std::string greeting) {
        backend::Survey survey;
        survey.greeting = std::move(greeting);
        world.knowledge.of(world.pool().status().at(index).backend.id)
            ->set_survey(std::move(survey));
    }
    std::string greeted() { return TestClient(world).reply(); }

    World world{2};
};

TEST_F(Greeting, of_backends_is_the_first_known_one) {
    EXPECT_EQ(greeted(), "220 FTP server ready.");
    learn(1, "220 I am alf2.\r\n");
    EXPECT_EQ(greeted(), "220 I am alf2.");
    learn(0, "220-I\r\n220 am alf1.\r\n");
    EXPECT_EQ(greeted(), "220-I\r\n220 am alf1.");
    learn(0, "");  // no longer suitable for clients
    EXPECT_EQ(greeted(), "220 I am alf2.");
}

TEST_F(Greeting, does_not_ask_or_wait_for_a_backend) {
    learn(0, "220 I am alf1.\r\n");
    world.backend(0).kill();
    world.network.black_hole(world.backend(1).address());
    const auto began = world.loop.now();
    EXPECT_EQ(greeted(), "220 I am alf1.");
    EXPECT_EQ(world.loop.now(), began);
    EXPECT_TRUE(world.network.dials().empty());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Greeting, does_not_come_from_a_session) {
    world.backend(0).script.greeting = "220 Welcome, 198.51.100.7.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(greeted(), "220 FTP server ready.");
}

TEST_F(Greeting, is_sent_again_after_REIN) {
    learn(0, "220 I am alf1.\r\n");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("REIN"), "220 I am alf1.");
}

TEST_F(Greeting, with_routes_prefers_the_listeners_own_pool) {
    config::Pool other;
    other.name = "other";
    other.backends.emplace_back();
    other.backends.back().host = "10.0.0.99";
    (void)world.pool();
    const auto& pool = world.add_pool(other);
    backend::Survey survey;
    survey.greeting = "220 I am another.\r\n";
    world.knowledge.of(pool.status().front().backend.id)->set_survey(survey);
    world.listener.routes.emplace_back();
    world.listener.routes.back().pool = "other";
    EXPECT_EQ(greeted(), "220 I am another.");
    learn(0, "220 I am alf1.\r\n");
    EXPECT_EQ(greeted(), "220 I am alf1.");
    world.listener.pool.clear();
    EXPECT_EQ(greeted(), "220 I am another.");
}

TEST_F(Greeting, is_Ballasts_own_if_no_backends_is_known) {
    learn(0, "220 I am alf1.\r\n");
    world.listener.greeting = "Backend";
    EXPECT_EQ(greeted(), "220 Backend");
}

}  // namespace
}  // namespace ballast::session
