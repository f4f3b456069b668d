// SPDX-License-Identifier: Apache-2.0
#include "session/warm_legs.h"

#include "metrics/counters.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

std::uint64_t used() { return metrics::total(metrics::Counter::backend_connections_warm); }

void keep(World& world, std::uint32_t wanted) {
    world.pool_settings.warm = wanted;
    world.warm.use(world.pools(), 1);
    world.loop.settle();
}

TEST(WarmLegs, greet_before_a_client_comes) {
    World world(2);
    keep(world, 2);
    EXPECT_EQ(world.backend(0).sessions(), 2);
    EXPECT_EQ(world.backend(1).sessions(), 2);
    EXPECT_TRUE(world.backend(0).heard.empty());

    const auto before = used();
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(used(), before + 1);
    world.loop.settle();
    // Another one took its place.
    EXPECT_EQ(world.backend(0).sessions() + world.backend(1).sessions(), 5);
    EXPECT_EQ(client.ask("PWD"), 257);
}

TEST(WarmLegs, cost_a_login_no_time) {
    World world(1);
    world.network.delay(world.backend(0).address(), 2s);
    keep(world, 1);
    world.loop.run_for(3s);
    TestClient client(world);
    const auto before = world.loop.now();
    ASSERT_TRUE(client.log_in());
    EXPECT_LT(world.loop.now() - before, 2s);
}

TEST(WarmLegs, share_among_workers) {
    World world(1);
    world.pool_settings.warm = 3;
    world.warm.use(world.pools(), 2);
    world.loop.settle();
    EXPECT_EQ(world.backend(0).sessions(), 2);
}

TEST(WarmLegs, replace_those_that_the_backend_drops) {
    World world(1);
    keep(world, 1);
    world.backend(0).say_to_all("421 Timeout.");
    world.loop.run_for(2s);
    EXPECT_EQ(world.backend(0).sessions_ever(), 2);
    world.backend(0).kill();
    world.backend(0).open();
    world.loop.run_for(10s);
    EXPECT_EQ(world.backend(0).sessions(), 1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
}

/// The login timeout of some servers is a minute.
TEST(WarmLegs, are_renewed_before_they_are_old) {
    World world(1);
    keep(world, 1);
    world.loop.run_for(60s);
    EXPECT_EQ(world.backend(0).sessions_ever(), 2);
    EXPECT_EQ(world.backend(0).sessions(), 1);
}

TEST(WarmLegs, do_not_decide_about_a_backend_that_closes_them) {
    World world(1);
    keep(world, 1);
    // It closes when it hears USER on the warm one, and takes a new connection.
    world.backend(0).script.replies["USER"] = std::string(support::closes);
    world.network.delay(world.backend(0).address(), 1s);
    TestClient client(world);
    ASSERT_EQ(client.code(), 220);
    client.send("USER u");
    while (world.backend(0).heard.empty()) world.loop.run_for(1ms);
    world.backend(0).script.replies.clear();
    EXPECT_EQ(client.code(), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST(WarmLegs, do_not_wait_long_for_a_backend_that_is_gone) {
    World world(1);
    world.pool_settings.connect_timeout = 2s;
    keep(world, 1);
    world.backend(0).script.replies["USER"] = "";
    TestClient client(world);
    ASSERT_EQ(client.code(), 220);
    const auto before = world.loop.now();
    client.send("USER u");
    world.loop.run_for(1s);
    world.backend(0).script.replies.clear();
    EXPECT_EQ(client.code(), 331);
    EXPECT_GE(world.loop.now() - before, 2s);
    EXPECT_LT(world.loop.now() - before, 3s);
    // Its other answers have their usual time.
    world.backend(0).script.reply_delay = 10s;
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST(WarmLegs, of_two_pools_with_the_same_backend_do_not_meet) {
    World world(1);
    auto other = world.pool_settings;
    other.name = "other";
    other.warm = 1;
    world.add_pool(other);
    keep(world, 1);
    world.loop.run_for(5s);
    EXPECT_EQ(world.backend(0).sessions(), 2);
    EXPECT_EQ(world.backend(0).sessions_ever(), 2);
}

TEST(WarmLegs, leave_backends_that_do_not_serve) {
    World world(2);
    keep(world, 1);
    ASSERT_TRUE(world.pool().administer("alf1", pool::AdminState::draining));
    world.loop.run_for(2s);
    EXPECT_EQ(world.backend(0).sessions(), 0);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST(WarmLegs, rest_after_a_failure) {
    World world(1);
    world.backend(0).close();
    keep(world, 1);
    world.loop.run_for(1s);
    world.backend(0).open();
    world.loop.run_for(3s);
    EXPECT_EQ(world.backend(0).sessions_ever(), 0);
    world.loop.run_for(5s);
    EXPECT_EQ(world.backend(0).sessions(), 1);
}

TEST(WarmLegs, end_with_their_settings) {
    World world(1);
    keep(world, 2);
    world.renew_pool();
    keep(world, 0);
    EXPECT_EQ(world.backend(0).sessions(), 0);
    TestClient client(world);
    const auto before = used();
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(used(), before);
}

TEST(WarmLegs, begin_tls_before_a_client_comes) {
    World world(1);
    net::TlsServer::Settings settings;
    settings.name = "backend";
    world.backend(0).script.tls = support::make_tls_server(settings);
    world.pool_settings.backends[0].tls.mode = config::BackendTlsMode::explicit_tls;
    world.tls_client = support::make_tls_client();
    keep(world, 1);
    EXPECT_TRUE(world.backend(0).has_heard("AUTH TLS"));
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PWD"), 257);
}

}  // namespace
}  // namespace ballast::session
