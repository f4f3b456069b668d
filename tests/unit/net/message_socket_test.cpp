// SPDX-License-Identifier: Apache-2.0
#include "net/message_socket.h"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace ballast::net {
namespace {

using namespace std::chrono_literals;

class MessageSocketTest : public testing::Test {
protected:
    MessageSocketTest() {
        auto both = MessageSocket::pair();
        near_end = std::move(both->first);
        far_end = std::move(both->second);
    }
    /// Watches the near end until `count` messages have come or the peer has gone.
    std::vector<std::string> hear(std::size_t count) {
        std::vector<std::string> heard;
        MessageSocket socket(
            loop, loop::Descriptor::open(loop, near_end.release()).value(),
            [&](std::string_view message, base::OwnedFd descriptor) {
                heard.emplace_back(message);
                if (descriptor) descriptors.push_back(std::move(descriptor));
                if (heard.size() == count) loop.stop();
            },
            [&] {
                is_lost = true;
                loop.stop();
            });
        loop.run();
        return heard;
    }

    loop::WorkerLoop loop;
    base::OwnedFd near_end;
    base::OwnedFd far_end;
    std::vector<base::OwnedFd> descriptors;
    bool is_lost = false;
};

TEST_F(MessageSocketTest, messages_keep_their_order_and_their_bounds) {
    for (const char* const each : {"one", "two two", "three"})
        MessageSocket::send_now(far_end, each);
    EXPECT_EQ(hear(3), (std::vector<std::string>{"one", "two two", "three"}));
}

TEST_F(MessageSocketTest, a_descriptor_comes_with_its_message) {
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const base::OwnedFd reading(pipe[0]);
    loop::WorkerLoop other;
    MessageSocket socket(
        other, loop::Descriptor::open(other, far_end.release()).value(),
        [](std::string_view, base::OwnedFd) {}, [] {});
    socket.send("take this", base::OwnedFd(pipe[1]));
    socket.send("and this");
    other.post([&] { other.stop(); });
    other.run();
    EXPECT_EQ(hear(2), (std::vector<std::string>{"take this", "and this"}));
    ASSERT_EQ(descriptors.size(), 1U);
    ASSERT_EQ(::write(descriptors[0].get(), "x", 1), 1);
    char read = 0;
    EXPECT_EQ(::read(reading.get(), &read, 1), 1);
    EXPECT_EQ(read, 'x');
}

TEST_F(MessageSocketTest, what_was_said_before_the_end_is_heard) {
    MessageSocket::send_now(far_end, "last words");
    far_end = base::OwnedFd();
    EXPECT_EQ(hear(2), std::vector<std::string>{"last words"});
    EXPECT_TRUE(is_lost);
}

TEST_F(MessageSocketTest, a_peer_that_takes_nothing_is_given_up) {
    MessageSocket socket(
        loop, loop::Descriptor::open(loop, near_end.release()).value(),
        [](std::string_view, base::OwnedFd) {},
        [&] {
            is_lost = true;
            loop.stop();
        });
    for (std::size_t i = 0; i < MessageSocket::queued_max + 2; ++i) socket.send("more");
    loop.run();
    EXPECT_TRUE(is_lost);
    EXPECT_TRUE(socket.is_lost());
}

TEST_F(MessageSocketTest, an_end_without_a_loop_waits_for_a_message_or_gives_up) {
    const auto late = MessageSocket::receive(near_end, 1ms);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, std::errc::timed_out);
    MessageSocket::send_now(far_end, "hello");
    EXPECT_EQ(MessageSocket::receive(near_end, 1s)->text, "hello");
    far_end = base::OwnedFd();
    const auto gone = MessageSocket::receive(near_end, 1s);
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code, std::errc::connection_reset);
}

}  // namespace
}  // namespace ballast::net
