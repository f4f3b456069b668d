// SPDX-License-Identifier: Apache-2.0
#include "session/client_leg.h"

#include "loop/job.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using support::MemoryStream;
using Kind = ClientEvent::Kind;

class ClientLegTest : public testing::Test {
protected:
    ClientLegTest() {
        auto [near, far] = MemoryStream::connect(loop, {}, {});
        client = std::move(far);
        leg.emplace(std::move(near), settings, signal);
    }
    void say(std::string_view bytes) {
        (void)client->write(bytes);
        leg->watch();
        loop.settle();
    }
    std::string heard() {
        std::array<char, 4096> buffer{};
        const auto io = client->read(buffer);
        return {buffer.data(), io.bytes};
    }

    support::TestLoop loop;
    loop::Signal signal{loop};
    config::Listener settings;
    std::unique_ptr<MemoryStream> client;
    std::optional<ClientLeg> leg;
};

TEST_F(ClientLegTest, hands_out_commands_one_by_one) {
    EXPECT_EQ(leg->poll(), std::nullopt);
    say("user anna\r\nPASS x\r\nNO");
    EXPECT_EQ(leg->poll()->command.verb, "USER");
    EXPECT_EQ(leg->poll()->command.argument, "x");
    EXPECT_EQ(leg->poll(), std::nullopt);
    say("OP\r\n");
    EXPECT_EQ(leg->poll()->command.verb, "NOOP");
}

TEST_F(ClientLegTest, reports_a_bad_line_and_continues) {
    say("\r\nNOOP\r\n");
    const auto bad = leg->poll();
    ASSERT_TRUE(bad);
    EXPECT_EQ(bad->kind, Kind::bad_line);
    EXPECT_EQ(bad->problem, ftp::CommandError::not_a_command);
    EXPECT_EQ(leg->poll()->command.verb, "NOOP");
}

TEST_F(ClientLegTest, keeps_reporting_that_the_client_has_ended) {
    (void)client->write(std::string_view("QUIT\r\nhalf a comm"));
    client->finish();
    leg->watch();
    loop.settle();
    EXPECT_EQ(leg->poll()->command.verb, "QUIT");
    EXPECT_EQ(leg->poll(ClientLeg::Ask::anyway)->kind, Kind::ended);
    EXPECT_EQ(leg->poll()->kind, Kind::ended);
}

TEST_F(ClientLegTest, distinguishes_a_lost_client_from_one_that_ended) {
    client->reset();
    leg->watch();
    loop.settle();
    EXPECT_EQ(leg->poll()->kind, Kind::lost);
    EXPECT_EQ(leg->poll()->kind, Kind::lost);
}

TEST_F(ClientLegTest, gives_deferred_commands_first_and_in_order) {
    say("PWD\r\nNOOP\r\nQUIT\r\n");
    leg->defer(*leg->poll());
    EXPECT_FALSE(leg->has_deferred("QUIT"));
    leg->defer({Kind::command, {"QUIT", {}, "QUIT"}, {}});
    EXPECT_TRUE(leg->has_deferred("QUIT"));
    EXPECT_EQ(leg->next()->command.verb, "PWD");
    EXPECT_EQ(leg->next()->command.verb, "QUIT");
    EXPECT_EQ(leg->next()->command.verb, "NOOP");
    EXPECT_FALSE(leg->has_deferred("QUIT"));
}

TEST_F(ClientLegTest, reads_no_more_than_it_may_defer) {
    settings.pipelined_bytes_max = 1000;
    int deferred = 0;
    while (leg->may_poll()) {
        leg->defer({Kind::command, {"NOOP", {}, "NOOP"}, {}});
        ++deferred;
    }
    EXPECT_LT(deferred, 1000);
    for (int i = 0; i < deferred; ++i) EXPECT_EQ(leg->next()->command.verb, "NOOP");
    EXPECT_TRUE(leg->may_poll());
}

TEST_F(ClientLegTest, gives_others_a_turn_during_an_endless_line) {
    auto [near, far] = MemoryStream::connect(loop, {}, {}, {.pipe_bytes = 4 << 20});
    leg.emplace(std::move(near), settings, signal);
    const std::string endless(4 << 20, 'x');
    EXPECT_EQ(far->write(endless).bytes, endless.size());
    far->finish();
    int turns = 0;
    for (; turns < 1000; ++turns)
        if (const auto event = leg->poll(ClientLeg::Ask::anyway);
            event && event->kind == Kind::ended)
            break;
    EXPECT_GT(turns, 8);
    EXPECT_LT(turns, 1000);
}

TEST_F(ClientLegTest, knows_that_the_client_has_left_before_reading_everything) {
    (void)client->write(std::string_view("NOOP\r\n"));
    EXPECT_FALSE(leg->has_left());
    client->finish();
    EXPECT_TRUE(leg->has_left());
    EXPECT_EQ(leg->poll(ClientLeg::Ask::anyway)->command.verb, "NOOP");
}

TEST_F(ClientLegTest, drops_unread_bytes_so_that_the_last_reply_arrives) {
    (void)client->write(std::string_view("NOOP\r\nNOOP\r\n"));
    auto sending = loop::Job::start([](ClientLeg& to) -> loop::Task<> {
        (void)co_await to.send(ftp::make_reply(221, "Goodbye."));
    }(*leg));
    leg->finish();
    leg.reset();
    EXPECT_EQ(heard(), "221 Goodbye.\r\n");
    std::array<char, 1> more{};
    EXPECT_EQ(client->read(more).state, net::Io::State::ended);
}

}  // namespace
}  // namespace ballast::session
