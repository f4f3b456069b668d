// SPDX-License-Identifier: Apache-2.0
#include "metrics/backend_figures.h"
#include "metrics/commands.h"
#include "metrics/transfers.h"
#include "support/test_client.h"

#include <gtest/gtest.h>
#include <numeric>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using metrics::BackendError;
using metrics::Direction;
using metrics::Result;
using support::DataPeer;
using support::TestClient;
using support::World;

const std::string large(400'000, 'x');

std::uint64_t commands(std::string_view verb, std::string_view reply_class) {
    for (const auto& each : metrics::command_counts())
        if (each.verb == verb && each.reply_class == reply_class) return each.count;
    return 0;
}

std::uint64_t count_of(const metrics::Histogram& histogram) {
    const auto reading = histogram.read();
    return std::accumulate(reading.counts.begin(), reading.counts.end(), std::uint64_t{0});
}

const metrics::BackendFigures& figures(World& world, std::size_t index = 0) {
    return world.pool().status().at(index).traffic->figures;
}

std::uint64_t errors(World& world, BackendError error, std::size_t index = 0) {
    return figures(world, index).errors[static_cast<std::size_t>(error)];
}

TEST(Figures, count_a_command_with_the_class_of_its_reply) {
    World world(1);
    world.backend(0).script.replies["DELE"] = "550 No.";
    TestClient client(world);
    const auto retr = commands("RETR", "5xx");
    ASSERT_TRUE(client.log_in());
    const auto dele = commands("DELE", "5xx");
    const auto noop = commands("NOOP", "2xx");
    const auto other = commands("other", "5xx");
    EXPECT_EQ(client.ask("DELE a"), 550);
    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(client.ask("XYZZY"), 502);
    EXPECT_EQ(client.ask("@@ is no verb"), 500);
    world.loop.settle();
    EXPECT_EQ(commands("DELE", "5xx"), dele + 1);
    EXPECT_EQ(commands("NOOP", "2xx"), noop + 1);
    EXPECT_EQ(commands("other", "5xx"), other + 2);
    EXPECT_EQ(commands("RETR", "5xx"), retr);
}

TEST(Figures, count_an_aborted_transfer_with_its_own_reply) {
    World world(1);
    world.backend(0).files["a"] = large;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto retr = commands("RETR", "4xx");
    const auto abor = commands("ABOR", "in_transfer");
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(commands("RETR", "4xx"), retr + 1);
    EXPECT_EQ(commands("ABOR", "in_transfer"), abor + 1);
    EXPECT_EQ(figures(world).transfers.of(Direction::download, Result::aborted), 1U);
}

TEST(Figures, do_not_take_the_answer_to_a_status_for_the_transfers) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.status_reply = "213 Still at it.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto failed = commands("RETR", "4xx");
    const auto stat = commands("STAT", "in_transfer");
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("STAT"), 213);
    data->reset();
    EXPECT_EQ(client.code(), 426);
    world.loop.settle();
    EXPECT_EQ(commands("RETR", "4xx"), failed + 1);
    EXPECT_EQ(commands("STAT", "in_transfer"), stat + 1);
}

TEST(Figures, of_a_backend_show_how_long_a_login_took) {
    World world(1);
    world.backend(0).script.reply_delay = 300ms;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto& counted = figures(world);
    EXPECT_EQ(counted.logins, 1U);
    EXPECT_EQ(count_of(counted.connect), 1U);
    EXPECT_EQ(count_of(counted.greeting), 1U);
    EXPECT_EQ(count_of(counted.login), 1U);
    EXPECT_GE(counted.login.read().sum, 0.6) << "USER and PASS";
    EXPECT_EQ(world.figures->sessions_begun, 1U);
}

TEST(Figures, of_a_backend_count_refused_logins) {
    World world(1);
    world.backend(0).script.replies["PASS"] = "530 No.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER u"), 331);
    EXPECT_EQ(client.ask("PASS p"), 530);
    EXPECT_EQ(figures(world).logins_refused, 1U);
    EXPECT_EQ(figures(world).logins, 0U);
    EXPECT_EQ(count_of(figures(world).login), 0U);
}

TEST(Figures, of_a_backend_say_at_what_it_failed) {
    World world(2);
    world.backend(0).script.greeting = "421 Full.";
    world.backend(1).script.greeting = "421 Full.";
    TestClient first(world);
    EXPECT_EQ(first.code(), 220);
    EXPECT_EQ(first.ask("USER u"), 421);
    EXPECT_EQ(errors(world, BackendError::full, 0), 1U);
    EXPECT_EQ(errors(world, BackendError::full, 1), 1U);
    EXPECT_EQ(errors(world, BackendError::greeting, 0), 0U);
    EXPECT_EQ(count_of(figures(world).greeting), 0U);

    world.backend(0).script.greeting = "500 Broken.";
    world.backend(1).script.greeting = "220 Fine.";
    world.backend(1).script.replies["USER"] = "421 Full.";
    TestClient second(world);
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.ask("USER u"), 421);
    EXPECT_EQ(errors(world, BackendError::greeting, 0), 1U);
    EXPECT_EQ(errors(world, BackendError::full, 1), 2U);
    EXPECT_EQ(errors(world, BackendError::login, 1), 0U);
}

TEST(Figures, of_a_backend_count_the_sessions_that_lost_it) {
    World world(1);
    world.backend(0).script.replies["PWD"] = std::string(support::closes);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PWD"), 421);
    EXPECT_EQ(errors(world, BackendError::lost), 1U);
}

TEST(Figures, of_a_backend_count_transfers_and_bytes_by_direction) {
    World world(1);
    world.backend(0).files["a"] = large;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto sizes = count_of(metrics::transfers().sizes(Direction::download));
    const auto down = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(world.figures->transfers, 1U);
    EXPECT_EQ(client.code(), 226);
    const auto up = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("12345");
    up->finish();
    EXPECT_EQ(client.code(), 226);
    const auto refused = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR none"), 550);
    world.loop.settle();
    const auto& counted = figures(world);
    EXPECT_EQ(counted.transfers.of(Direction::download, Result::whole), 1U);
    EXPECT_EQ(counted.transfers.of(Direction::upload, Result::whole), 1U);
    EXPECT_EQ(counted.transfers.of(Direction::download, Result::refused), 1U);
    EXPECT_EQ(counted.bytes_of(Direction::download), large.size());
    EXPECT_EQ(counted.bytes_of(Direction::upload), 5U);
    EXPECT_EQ(count_of(counted.first_byte), 1U);
    EXPECT_EQ(count_of(metrics::transfers().sizes(Direction::download)), sizes + 1);
    EXPECT_EQ(world.figures->transfers, 0U);
}

TEST(Figures, stay_when_the_pool_is_configured_again) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    world.pool().configure(world.pool().settings());
    EXPECT_EQ(figures(world).logins, 1U);
}

}  // namespace
}  // namespace ballast::session
