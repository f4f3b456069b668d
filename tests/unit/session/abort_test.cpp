// SPDX-License-Identifier: Apache-2.0
#include "support/test_client.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::TestClient;
using support::World;

const std::string large(400'000, 'x');

struct Manner {
    const char* name;
    std::vector<std::string> replies;
};

class EveryAbort : public testing::TestWithParam<Manner> {};
INSTANTIATE_TEST_SUITE_P(
    Abort, EveryAbort,
    testing::Values(Manner{"one_426", {"426 Aborted."}}, Manner{"one_226", {"226 Aborted."}},
                    Manner{"two", {"426 Aborted.", "226 Done."}},
                    Manner{"two_225", {"426 Aborted.", "225 Done."}},
                    Manner{"three", {"426 Aborted.", "226 Done.", "226 Really."}}),
    [](const auto& manner) { return std::string(manner.param.name); });

TEST_P(EveryAbort, of_a_download_resets_the_data_and_stays_in_step) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.abort_replies = GetParam().replies;
    world.backend(0).script.abort_gap = 300ms;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
    const auto again = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(again->received(), large);
    EXPECT_FALSE(client.has_reply());
}

TEST_P(EveryAbort, of_an_upload_never_looks_like_the_end_of_the_file) {
    World world(1);
    world.backend(0).script.abort_replies = GetParam().replies;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR a"), 150);
    data->send("some");
    world.loop.settle();
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Abort, before_the_client_connects_keeps_its_port_from_its_address) {
    World world(1);
    world.backend(0).files["a"] = large;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    for (int i = 0; i < 200; ++i) EXPECT_NE(client.passive_port("EPSV"), port);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Abort, without_an_answer_loses_the_backend) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.abort_replies = {};
    world.backend(0).script.replies["NOOP"] = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 421);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

/// ProFTPD and others refuse NOOP before login. Their answer after login differs.
TEST(Abort, finds_the_end_of_replies_if_noop_was_refused_before_login) {
    for (const bool has_survey : {true, false}) {
        World world(1);
        world.backend(0).files["a"] = large;
        world.backend(0).script.replies["NOOP"] = "530 Log in first.";
        if (has_survey) world.survey(0);
        world.backend(0).script.replies["NOOP"] = "250 Still here.";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        for (int i = 0; i < 2; ++i) {
            const auto data = client.open_data("EPSV");
            data->stop_reading();
            EXPECT_EQ(client.ask("RETR a"), 150);
            EXPECT_EQ(client.ask("ABOR"), 426);
            EXPECT_EQ(client.code(), 226);
            EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
        }
    }
}

/// A survey fails if the server is slower than the probe's timeout.
TEST(Abort, stays_in_step_with_a_slow_server_that_was_never_surveyed) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.reply_delay = 3s;
    world.backend(0).script.abort_replies = {"426 Aborted.", "226 Done.", "226 Really."};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.ask("ABOR"), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Abort, after_the_150_takes_effect_at_once) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.reply_delay = 1s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    client.send_bytes("RETR a\r\nABOR\r\n");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Abort, of_a_transfer_refused_meanwhile_is_still_answered) {
    World world(1);
    world.backend(0).script.reply_delay = 1s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    client.send_bytes("RETR missing\r\nABOR\r\n");
    EXPECT_EQ(client.code(), 550);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Abort, of_a_transfer_answered_with_421_is_not_answered) {
    for (const auto data : {config::BackendData::automatic, config::BackendData::as_client}) {
        World world(1);
        world.pool_settings.backend_data = data;
        world.backend(0).script.reply_delay = 1s;
        world.backend(0).script.replies["RETR"] = "421 Enough.";
        world.backend(0).script.closes_after_421 = false;
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto own_data = client.open_data("EPSV");
        client.send_bytes("RETR a\r\nABOR\r\n");
        EXPECT_EQ(client.code(), 421);
        EXPECT_EQ(client.reply(), "");
        EXPECT_EQ(world.sessions(), 0);
    }
}

TEST(Abort, sent_twice_before_the_150_is_answered_twice) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.reply_delay = 1s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    client.send_bytes("RETR a\r\nABOR\r\nABOR\r\nPWD\r\n");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.reply(), "257 \"/\" is where you are.");
}

TEST(Abort, after_an_unknown_verb_that_moves_no_data_is_still_answered) {
    World world(1);
    world.backend(0).script.reply_delay = 1s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    client.send_bytes("XFOO\r\nABOR\r\nPWD\r\n");
    EXPECT_EQ(client.code(), 502);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.reply(), "257 \"/\" is where you are.");
}

TEST(Abort, is_answered_after_an_earlier_status) {
    World world(1);
    world.backend(0).script.status_waits = true;
    world.backend(0).script.final_delay = 1s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_NE(client.passive_port("EPSV"), 0);
    EXPECT_EQ(client.ask("LIST"), 150);
    client.send("STAT");
    world.loop.run_for(2s);  // the server has sent the listing, but the client has not fetched it
    EXPECT_FALSE(client.has_reply());
    client.send("ABOR");
    EXPECT_EQ(client.ask("NOOP"), 211);
    for (const int code : {426, 226, 200}) EXPECT_EQ(client.code(), code);
}

TEST(Abort, stays_in_step_if_the_server_forgets_a_status) {
    World world(1);
    world.backend(0).files["a"] = large;
    world.backend(0).script.status_waits = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("STAT");
    world.loop.run_for(1s);
    EXPECT_EQ(client.ask("ABOR"), 450);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

}  // namespace
}  // namespace ballast::session
