// SPDX-License-Identifier: Apache-2.0
// With `begin_reply_delay` the 1xx of a short download goes to the client together with its final
// reply, and no later than that after it came.
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::BackendScript;
using support::DataPeer;
using support::TestClient;
using support::World;
using Fault = BackendScript::Fault;

constexpr auto most = 1ms;

class BeginReply : public testing::Test {
protected:
    BeginReply() {
        world.backend(0).files["a"] = "content";
        world.listener.begin_reply_delay = most;
    }

    void log_in() { ASSERT_TRUE(client.log_in()); }
    /// "a" is large, and breaks after its first bytes.
    void break_large_file(Fault fault) {
        world.backend(0).files["a"] = std::string(400'000, 'x');
        world.backend(0).script.fault = fault;
        world.backend(0).script.fault_after = 1000;
    }
    /// The data connection is open, and the command is sent.
    void begin(std::string_view command, std::string_view passive = "EPSV") {
        data = client.open_data(passive);
        said_at = world.loop.now();
        heard_before = client.heard().size();
        client.send(command);
    }
    /// Everything since then.
    std::string_view heard() const { return std::string_view(client.heard()).substr(heard_before); }
    /// The codes of the lines that came when the first of them did.
    std::string first_heard() {
        while (heard().empty() && world.loop.now() - said_at < 1h) world.loop.run_for(100us);
        std::string codes;
        for (auto lines = heard(); !lines.empty(); lines.remove_prefix(lines.find('\n') + 1))
            codes += codes.empty() ? lines.substr(0, 3) : std::string(" ").append(lines, 0, 3);
        return codes;
    }
    loop::Time::duration since_said() const { return world.loop.now() - said_at; }

    World world{1};
    TestClient client{world};
    std::unique_ptr<DataPeer> data;
    loop::Time said_at{};
    std::size_t heard_before = 0;
};

TEST_F(BeginReply, of_a_short_download_comes_with_the_final_one) {
    log_in();
    begin("RETR a");
    EXPECT_EQ(first_heard(), "150 226");
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_LT(since_said(), most);
}

TEST_F(BeginReply, comes_at_once_by_default) {
    world.listener.begin_reply_delay = config::Listener().begin_reply_delay;
    world.backend(0).script.fault = Fault::stall;
    world.backend(0).script.fault_after = 0;
    log_in();
    begin("RETR a");
    world.loop.settle();
    EXPECT_EQ(heard().substr(0, 3), "150");
    EXPECT_EQ(since_said(), 0s);
}

TEST_F(BeginReply, of_a_short_listing_comes_with_the_final_one) {
    log_in();
    begin("NLST", "PORT");
    EXPECT_EQ(first_heard(), "150 226");
}

TEST_F(BeginReply, of_a_download_that_takes_longer_comes_before_the_final_one) {
    world.backend(0).files["a"] = std::string(400'000, 'x');
    log_in();
    data = client.open_data("EPSV");
    data->stop_reading();
    said_at = world.loop.now();
    heard_before = client.heard().size();
    client.send("RETR a");
    EXPECT_EQ(first_heard(), "150");
    EXPECT_GE(since_said(), most);
    EXPECT_LE(since_said(), most + 200us);
    data->resume_reading();
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 226);
}

TEST_F(BeginReply, comes_although_the_backend_sends_nothing_more) {
    world.backend(0).script.fault = Fault::stall;
    world.backend(0).script.fault_after = 0;
    log_in();
    begin("RETR a");
    EXPECT_EQ(first_heard(), "150");
    EXPECT_LE(since_said(), most + 200us);
}

TEST_F(BeginReply, comes_although_the_final_reply_is_missing) {
    world.backend(0).script.final_reply = "";
    log_in();
    begin("RETR a");
    EXPECT_EQ(first_heard(), "150");
    EXPECT_LE(since_said(), most + 200us);
    EXPECT_EQ(data->received(), "content");
}

TEST_F(BeginReply, of_a_failed_download_comes_before_the_failure) {
    break_large_file(Fault::reset_data);
    log_in();
    begin("RETR a");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.say("NOOP").substr(0, 3), "200");
}

TEST_F(BeginReply, of_a_lost_backend_comes_before_the_failure) {
    break_large_file(Fault::lose_control);
    log_in();
    begin("RETR a");
    EXPECT_EQ(client.code(), 150);
    const auto code = client.code();
    EXPECT_TRUE(code == 426 || code == 451) << code;
}

TEST_F(BeginReply, of_a_failed_download_comes_before_the_reset_of_its_data) {
    break_large_file(Fault::reset_data);
    log_in();
    data = client.open_data("EPSV");
    bool was_told = false;
    data->at_change = [&] {
        if (data->end() == DataPeer::End::reset) was_told = client.heard().contains("\r\n150 ");
    };
    client.send("RETR a");
    world.loop.run_for(1s);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_TRUE(was_told);
    data->at_change = nullptr;
}

TEST_F(BeginReply, comes_before_the_replies_to_an_abort) {
    world.backend(0).script.fault = Fault::stall;
    world.backend(0).script.fault_after = 3;
    log_in();
    begin("RETR a\r\nABOR");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 226);
}

TEST_F(BeginReply, of_an_upload_comes_at_once) {
    log_in();
    begin("STOR b");
    world.loop.settle();
    EXPECT_EQ(heard().substr(0, 3), "150");
    EXPECT_LT(since_said(), most);
}

TEST_F(BeginReply, of_a_download_under_tls_comes_at_once) {
    World secure(1);
    secure.backend(0).files["a"] = "content";
    secure.tls_server = support::make_tls_server();
    secure.listener.tls.emplace();
    secure.listener.begin_reply_delay = most;
    TestClient visitor(secure);
    ASSERT_TRUE(visitor.log_in_with_tls());
    const auto peer = visitor.open_data("EPSV");
    const auto before = secure.loop.now();
    visitor.send("RETR a");
    secure.loop.settle();
    ASSERT_TRUE(visitor.has_reply());
    EXPECT_EQ(secure.loop.now(), before);
    EXPECT_EQ(visitor.code(), 150);
    EXPECT_EQ(visitor.code(), 226);
}

TEST_F(BeginReply, comes_at_once_to_a_client_without_a_data_connection) {
    log_in();
    const auto port = client.passive_port("EPSV");
    heard_before = client.heard().size();
    said_at = world.loop.now();
    client.send("RETR a");
    world.loop.settle();
    EXPECT_EQ(heard().substr(0, 3), "150");
    data = client.connect_to(port);
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 226);
}

}  // namespace
}  // namespace ballast::session
