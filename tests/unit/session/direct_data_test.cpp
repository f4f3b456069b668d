// SPDX-License-Identifier: Apache-2.0
// `data = "direct"`: the client and its backend connect to each other, and only commands and
// replies pass through Ballast.
#include "session/direct_data.h"

#include "support/test_client.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::FakeBackend;
using support::TestClient;
using support::World;

using Fault = support::BackendScript::Fault;

const std::string large(400'000, 'x');
constexpr const char* pwd_reply = "257 \"/\" is where you are.";

class DirectData : public testing::Test {
protected:
    explicit DirectData(std::size_t backends = 1) : world(backends) {
        world.pool_settings.data = config::DataPath::direct;
        for (std::size_t i = 0; i < backends; ++i) {
            world.backend(i).files["a"] = "0123456789";
            world.backend(i).files["large"] = large;
        }
    }
    /// The commands that the backend got since login.
    [[nodiscard]] std::vector<std::string> dialog() const {
        const auto pass = std::ranges::find(backend.heard, "PASS secret");
        return {pass == backend.heard.end() ? pass : pass + 1, backend.heard.end()};
    }
    /// A connection to the port in the backend's own reply to PASV.
    [[nodiscard]] std::unique_ptr<DataPeer> open_passive(TestClient& client, FakeBackend& at) {
        const auto port = client.passive_port("PASV");
        return port == 0 ? nullptr : client.connect_to(base::Address{at.address().ip, port});
    }
    [[nodiscard]] std::unique_ptr<DataPeer> open_passive(TestClient& client) {
        return open_passive(client, backend);
    }

    World world;
    FakeBackend& backend = world.backend(0);
};

TEST_F(DirectData, PASV_names_the_backends_own_address) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("PASV"), "227 Entering Passive Mode (10,9,9,9,156,64).");
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_F(DirectData, PASV_names_the_configured_address) {
    world.pool_settings.backends[0].data_address = "203.0.113.9";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("PASV"), "227 Entering Passive Mode (203,0,113,9,156,64).");
}

TEST_F(DirectData, a_refused_PASV_is_passed_on) {
    backend.script.replies["PASV"] = "450 Not now.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("PASV"), "450 Not now.");
    EXPECT_EQ(client.say("RETR a"),
              "425 Can't open data connection: say PASV, EPSV, PORT or EPRT first.");
    EXPECT_FALSE(backend.has_heard("RETR a"));
}

TEST(DirectReply, names_one_address_in_words_of_ballast) {
    const auto told = [](std::string_view text, PassiveTerms terms = {}) {
        const auto reply =
            passive_reply({static_cast<std::uint16_t>(std::stoi(std::string(text.substr(0, 3)))),
                           std::string(text) + "\r\n"},
                          terms);
        return reply ? reply->text : std::string("none");
    };
    const PassiveTerms other{.data_address = "192.0.2.7"};
    EXPECT_EQ(told("227 At (10,0,0,1,4,1)."), "227 Entering Passive Mode (10,0,0,1,4,1).\r\n");
    EXPECT_EQ(told("227 At (10,0,0,1,4,1).", other),
              "227 Entering Passive Mode (192,0,2,7,4,1).\r\n");
    // Clients look for six numbers anywhere.
    EXPECT_EQ(told("227-(6,6,6,6,200,1)\r\n227 (10,0,0,1,4,1)", other),
              "227 Entering Passive Mode (192,0,2,7,4,1).\r\n");
    EXPECT_EQ(told("500 What?", other), "500 What?\r\n");
    EXPECT_EQ(told("421 (10,0,0,1,4,1)", other), "421 (10,0,0,1,4,1)\r\n");
    for (const auto* const text :
         {"227 Somewhere.", "229 Here (|||1025|)", "200 (10,0,0,1,4,1)", "227 (10,0,0,1,0,25)",
          "227 (0,0,0,0,4,1)", "227 (127,0,0,1,4,1)", "227 (10,0,0,1,0,0)"})
        EXPECT_EQ(told(text), "none") << text;
    EXPECT_NE(told("227 (10,0,0,1,0,25)", {.may_be_low = true}), "none");
    EXPECT_NE(told("227 (127,0,0,1,4,1)", {.may_be_loopback = true}), "none");
}

TEST_F(DirectData, a_reply_to_PASV_without_an_address_is_not_passed_on) {
    backend.script.replies["PASV"] = "229 Here (|||40000|)";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("PASV"),
              "425 Can't open data connection: the server's reply to PASV has no usable address.");
}

TEST_F(DirectData, EPSV_is_refused_and_EPSV_ALL_does_not_forbid_PASV) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("EPSV"), "502 EPSV is not supported here, use PASV.");
    EXPECT_EQ(client.say("EPSV ALL"), "502 EPSV is not supported here, use PASV.");
    EXPECT_EQ(client.ask("PASV"), 227);
    EXPECT_FALSE(backend.has_heard("EPSV"));
}

TEST_F(DirectData, FEAT_has_no_EPSV) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.say("FEAT").find("EPSV"), std::string::npos);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    const auto features = client.say("FEAT");
    EXPECT_EQ(features.find("EPSV"), std::string::npos);
    EXPECT_NE(features.find("SIZE"), std::string::npos);
}

TEST(DirectDataOverIpv6, has_no_passive_mode) {
    World world(1, "[2001:db8::1]:21");
    world.pool_settings.data = config::DataPath::direct;
    TestClient client(world, "[2001:db8::7]:50000");
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("EPSV"), "522 Network protocol not supported, use (1).");
    EXPECT_EQ(client.say("PASV"),
              "425 Can't open data connection: PASV is for IPv4 only, use EPRT.");
    EXPECT_EQ(client.ask("EPRT |2|2001:db8:0:0::7|50009|"), 200);
    EXPECT_TRUE(world.backend(0).has_heard("EPRT |2|2001:db8::7|50009|"));
}

TEST_F(DirectData, PORT_and_EPRT_name_the_clients_own_address) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PORT 198,51,100,8,200,1"), 501);
    EXPECT_EQ(client.ask("PORT 198,51,100,7,0,25"), 501);
    EXPECT_EQ(client.ask("EPRT |1|198.51.100.8|51000|"), 501);
    EXPECT_EQ(client.say("PORT  198, 51, 100, 7, 200, 1."), "200 PORT it is.");
    EXPECT_EQ(client.say("EPRT !1!198.51.100.7!51201!"), "200 EPRT it is.");
    EXPECT_EQ(dialog(),
              (std::vector<std::string>{"PORT 198,51,100,7,200,1", "EPRT |1|198.51.100.7|51201|"}));
}

TEST_F(DirectData, a_download_and_an_upload_bypass_the_balancer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto down = open_passive(client);
    EXPECT_EQ(client.say("RETR large"), "150 Here it comes.");
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_EQ(down->received(), large);
    const auto up = open_passive(client);
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send("content");
    up->finish();
    EXPECT_EQ(client.code(), 226);
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_EQ(backend.stored[0].bytes, "content");
    EXPECT_TRUE(backend.stored[0].is_whole);
    EXPECT_EQ(world.network.leases(), 0);
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(DirectData, an_active_client_is_connected_by_its_backend) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const auto* const verb : {"PORT", "EPRT"}) {
        const auto data = client.open_data(verb);
        ASSERT_NE(data, nullptr);
        EXPECT_EQ(client.ask("LIST"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), backend.listing);
    }
}

TEST_F(DirectData, a_data_address_is_for_one_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    EXPECT_EQ(client.say("RETR nosuch"), "550 No such file.");
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(client.say("PWD"), pwd_reply);
}

TEST_F(DirectData, an_unknown_verb_leaves_the_data_address) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    EXPECT_EQ(client.say("XFOO"), "502 What?");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST_F(DirectData, REST_is_passed_on_and_belongs_to_the_next_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto part = open_passive(client);
    EXPECT_EQ(client.say("REST 7"), "350 Restarting.");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(part->received(), "789");
    const auto whole = open_passive(client);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(whole->received(), "0123456789");
}

TEST_F(DirectData, a_transfer_may_take_for_ever) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    (void)world.loop.run_until([] { return false; }, 48h);
    EXPECT_FALSE(client.has_reply());
    EXPECT_EQ(world.transfers_running(), 1);
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), large);
}

TEST_F(DirectData, commands_wait_for_the_end_of_a_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    client.send_bytes("RETR large\r\nPWD\r\nNOOP\r\n");
    EXPECT_EQ(client.code(), 150);
    EXPECT_FALSE(client.has_reply());
    EXPECT_FALSE(backend.has_heard("PWD"));
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.reply(), pwd_reply);
}

TEST_F(DirectData, STAT_reaches_the_backend_during_a_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    EXPECT_EQ(client.ask("STAT"), 213);
    EXPECT_EQ(client.ask("STAT large"), 213);
    data->resume_reading();
    EXPECT_EQ(client.say("PWD"), "226 Transfer complete.");
    EXPECT_EQ(client.reply(), pwd_reply);
}

TEST_F(DirectData, a_failure_is_not_taken_for_the_answer_to_STAT) {
    backend.script.status_reply.clear();
    backend.script.fault = Fault::ends_early;
    backend.script.fault_after = large.size();
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    client.send("STAT");
    world.loop.settle();
    data->resume_reading();
    EXPECT_EQ(client.say("PWD"), "451 It broke.");
    EXPECT_EQ(client.reply(), "450 The server did not tell its status.");
    EXPECT_EQ(client.reply(), pwd_reply);
}

struct Manner {
    const char* name;
    std::vector<std::string> replies;
};

class EveryDirectAbort : public DirectData, public testing::WithParamInterface<Manner> {};
INSTANTIATE_TEST_SUITE_P(
    DirectData, EveryDirectAbort,
    testing::Values(Manner{"one_426", {"426 Aborted."}}, Manner{"one_226", {"226 Aborted."}},
                    Manner{"two", {"426 Aborted.", "226 Done."}},
                    Manner{"two_225", {"426 Aborted.", "225 Done."}},
                    Manner{"three", {"426 Aborted.", "226 Done.", "226 Really."}}),
    [](const auto& manner) { return std::string(manner.param.name); });

TEST_P(EveryDirectAbort, has_the_backends_own_replies) {
    backend.script.abort_replies = GetParam().replies;
    backend.script.abort_gap = 300ms;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (int i = 0; i < 2; ++i) {
        const auto data = open_passive(client);
        data->stop_reading();
        EXPECT_EQ(client.ask("RETR large"), 150);
        client.send("ABOR");
        for (const auto& reply : GetParam().replies) EXPECT_EQ(client.reply(), reply);
        EXPECT_EQ(client.say("PWD"), pwd_reply);
    }
}

TEST_F(DirectData, a_client_that_leaves_ends_its_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    client.vanish();
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(DirectData, a_backend_that_never_answers_is_given_up) {
    backend.script.begin_reply.clear();
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("PASV"), 0);
    const auto began = world.loop.now();
    EXPECT_EQ(client.say("RETR a"), "451 Transfer failed: the server did not answer in time.");
    EXPECT_EQ(client.code(), 421);
    // The backend may have waited for the client's data connection.
    EXPECT_EQ(world.loop.now() - began,
              world.pool_settings.long_reply_timeout + world.listener.data_connect_timeout);
}

TEST_F(DirectData, a_lost_backend_ends_the_transfer_and_the_session) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    backend.kill();
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 421);
    EXPECT_TRUE(client.is_ended());
}

TEST_F(DirectData, an_operator_ends_a_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    EXPECT_EQ(world.session().view().transfer->progress.phase, TransferPhase::moving);
    EXPECT_EQ(world.session().view().transfer->path, "direct");
    EXPECT_TRUE(world.session().end_transfer());
    EXPECT_EQ(client.reply(),
              "426 Connection closed; transfer aborted: the administrator ended the transfer.");
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_FALSE(world.session().view().transfer);
}

TEST_F(DirectData, an_operator_ends_a_session) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = open_passive(client);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    world.session().cut();
    EXPECT_EQ(client.code(1s), 426);
    EXPECT_EQ(client.reply(1s), "421 The administrator ended the session.");
    EXPECT_TRUE(client.is_ended());
}

class DirectDataOfTwo : public DirectData {
protected:
    DirectDataOfTwo() : DirectData(2) { world.pool_settings.failover = config::Failover::session; }
    /// The one that has the session.
    [[nodiscard]] FakeBackend& busy() {
        return world.backend(0).sessions() > 0 ? world.backend(0) : world.backend(1);
    }
};

TEST_F(DirectDataOfTwo, the_session_outlives_a_backend_lost_in_a_transfer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    auto& first = busy();
    const auto data = open_passive(client, first);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    first.kill();
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_NE(&busy(), &first);
    const auto again = open_passive(client, busy());
    EXPECT_EQ(client.ask("RETR large"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(again->received(), large);
}

TEST_F(DirectDataOfTwo, a_421_at_a_transfer_is_not_the_end) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    auto& first = busy();
    first.script.replies["RETR"] = "421 Going down.";
    const auto data = open_passive(client, first);
    EXPECT_EQ(client.say("RETR a"), "451 Transfer failed: the server said 421 Going down.");
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_NE(&busy(), &first);
}

TEST_F(DirectDataOfTwo, a_port_of_a_lost_backend_is_not_used) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    auto& first = busy();
    EXPECT_NE(client.passive_port("PASV"), 0);
    first.kill();
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_FALSE(busy().has_heard("RETR a"));
}

TEST_F(DirectDataOfTwo, the_next_backend_hears_PORT_too) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    auto& first = busy();
    const auto data = client.open_data("PORT");
    ASSERT_NE(data, nullptr);
    first.kill();
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST_F(DirectDataOfTwo, a_backend_that_hears_no_ABOR_is_left) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    auto& first = busy();
    first.script.abort_replies.clear();
    const auto data = open_passive(client, first);
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR large"), 150);
    EXPECT_TRUE(world.session().end_transfer());
    EXPECT_EQ(client.code(10s), 426);
    EXPECT_EQ(client.say("PWD"), pwd_reply);
    EXPECT_NE(&busy(), &first);
}

}  // namespace
}  // namespace ballast::session
