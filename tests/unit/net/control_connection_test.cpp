// SPDX-License-Identifier: Apache-2.0
#include "net/control_connection.h"

#include "loop/job.h"
#include "support/memory_stream.h"
#include "support/test_loop.h"

#include <array>
#include <gtest/gtest.h>
#include <optional>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;
using Ask = ControlConnection::Ask;

class ControlConnectionTest : public testing::Test {
protected:
    explicit ControlConnectionTest(support::Shape shape = {}) {
        auto [near, far] = support::MemoryStream::connect(
            loop, base::Address::parse("192.0.2.1:21").value(),
            base::Address::parse("198.51.100.7:50000").value(), shape);
        peer = std::move(far);
        connection.emplace(std::move(near), signal);
    }
    std::string heard() {
        std::array<char, 4096> buffer{};
        const auto io = peer->read(buffer);
        return {buffer.data(), io.bytes};
    }
    loop::Task<> send(std::string bytes, loop::Deadline deadline) {
        sent = co_await connection->send(bytes, base::Fault::client, deadline);
    }

    support::TestLoop loop;
    loop::Signal signal{loop};
    std::unique_ptr<support::MemoryStream> peer;
    std::optional<ControlConnection> connection;
    std::optional<base::Result<>> sent;
};

class NarrowConnectionTest : public ControlConnectionTest {
protected:
    NarrowConnectionTest() : ControlConnectionTest({.pipe_bytes = 8, .slice_bytes = 3}) {}
};

TEST_F(ControlConnectionTest, keeps_what_is_not_consumed) {
    (void)peer->write(std::string_view("NOOP\r\nPW"));
    EXPECT_EQ(connection->receive(1000), Io::State::moved);
    connection->consume(6);
    EXPECT_EQ(connection->received(), "PW");
    (void)peer->write(std::string_view("D\r\n"));
    EXPECT_EQ(connection->receive(1000, Ask::anyway), Io::State::moved);
    EXPECT_EQ(connection->received(), "PWD\r\n");
}

TEST_F(ControlConnectionTest, reads_no_more_than_it_may) {
    (void)peer->write(std::string(100, 'x'));
    EXPECT_EQ(connection->receive(60), Io::State::moved);
    EXPECT_EQ(connection->received().size(), 60);
    EXPECT_EQ(connection->receive(60), Io::State::would_block);
    connection->consume(60);
    EXPECT_EQ(connection->receive(60), Io::State::moved);
    EXPECT_EQ(connection->received().size(), 40);
}

TEST_F(ControlConnectionTest, asks_the_system_only_when_bytes_may_have_arrived) {
    (void)peer->write(std::string_view("a"));
    EXPECT_EQ(connection->receive(1000), Io::State::moved);
    (void)peer->write(std::string_view("b"));
    EXPECT_EQ(connection->receive(1000), Io::State::would_block);  // the last read was short
    connection->watch();
    EXPECT_EQ(connection->receive(1000), Io::State::would_block);  // not signalled yet
    loop.settle();
    EXPECT_EQ(connection->receive(1000), Io::State::moved);
    (void)peer->write(std::string_view("c"));
    EXPECT_EQ(connection->receive(1000, Ask::anyway), Io::State::moved);
    EXPECT_EQ(connection->received(), "abc");
}

TEST_F(ControlConnectionTest, distinguishes_an_end_from_a_failure) {
    peer->finish();
    EXPECT_EQ(connection->receive(1000), Io::State::ended);
    peer->reset();
    EXPECT_EQ(connection->receive(1000), Io::State::failed);
    EXPECT_EQ(connection->error(), std::make_error_code(std::errc::connection_reset));
}

TEST_F(NarrowConnectionTest, sends_everything_however_little_the_peer_takes) {
    const auto job = loop::Job::start(send("220 Welcome to the narrow place.\r\n", loop.after(1s)));
    std::string all;
    for (int i = 0; i < 100 && !sent; ++i) {
        all += heard();
        loop.settle();
    }
    for (auto more = heard(); !more.empty(); more = heard()) all += more;
    EXPECT_EQ(all, "220 Welcome to the narrow place.\r\n");
    ASSERT_TRUE(sent);
    EXPECT_TRUE(*sent);
}

TEST_F(NarrowConnectionTest, gives_up_on_a_peer_that_takes_nothing) {
    const auto job = loop::Job::start(send(std::string(100, 'x'), loop.after(30s)));
    loop.run_for(29s);
    EXPECT_FALSE(sent);
    loop.run_for(1s);
    ASSERT_TRUE(sent);
    ASSERT_FALSE(*sent);
    EXPECT_EQ(sent->error().code, std::make_error_code(std::errc::timed_out));
    EXPECT_EQ(sent->error().fault, base::Fault::client);
}

TEST_F(ControlConnectionTest, says_whose_fault_a_failed_send_is) {
    peer->reset();
    const auto job = loop::Job::start(send("221 Goodbye.\r\n", loop.after(1s)));
    loop.settle();
    ASSERT_TRUE(sent);
    ASSERT_FALSE(*sent);
    EXPECT_EQ(sent->error().code, std::make_error_code(std::errc::connection_reset));
}

}  // namespace
}  // namespace ballast::net
