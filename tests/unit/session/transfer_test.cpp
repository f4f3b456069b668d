// SPDX-License-Identifier: Apache-2.0
#include "session/transfer.h"

#include "metrics/counters.h"
#include "support/test_client.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::DataPeer;
using support::TestClient;
using support::World;

std::string many_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::uint32_t state = 1;
    for (char& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<char>(state >> 24);
    }
    return bytes;
}

/// The lines that the backend got, from the given one on.
std::vector<std::string> heard_from(const support::FakeBackend& backend, std::size_t first) {
    return {backend.heard.begin() + static_cast<std::ptrdiff_t>(first), backend.heard.end()};
}

class EveryDataMode : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Transfer, EveryDataMode, testing::Values("PASV", "EPSV", "PORT", "EPRT"),
                         [](const auto& mode) { return std::string(mode.param); });

TEST_P(EveryDataMode, downloads_lists_and_uploads) {
    World world(1);
    auto& backend = world.backend(0);
    backend.files["a"] = many_bytes(300'000);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());

    const auto down = client.open_data(GetParam());
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(down->received(), backend.files["a"]);
    EXPECT_EQ(down->end(), DataPeer::End::proper);

    const auto list = client.open_data(GetParam());
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(list->received(), backend.listing);

    const auto content = many_bytes(200'000);
    const auto up = client.open_data(GetParam());
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->send(content);
    up->finish();
    EXPECT_EQ(client.code(), 226);
    ASSERT_EQ(backend.stored.size(), 1);
    EXPECT_EQ(backend.stored[0].bytes, content);
    EXPECT_TRUE(backend.stored[0].is_whole);
    EXPECT_EQ(up->end(), DataPeer::End::proper);

    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(world.transfers_running(), 0);
    EXPECT_EQ(world.load().transfers, 0);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_P(EveryDataMode, is_used_up_by_one_transfer) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data(GetParam());
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.ask("LIST"), 425);
}

TEST_P(EveryDataMode, moves_an_empty_file) {
    World world(1);
    world.backend(0).files["a"] = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto down = client.open_data(GetParam());
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(down->end(), DataPeer::End::proper);
    const auto up = client.open_data(GetParam());
    EXPECT_EQ(client.ask("STOR b"), 150);
    up->finish();
    EXPECT_EQ(client.code(), 226);
    EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
}

TEST(Transfer, mixes_address_families) {
    World world(1, "[2001:db8::1]:21");  // the backend is at an IPv4 address
    world.backend(0).files["a"] = "content";
    TestClient client(world, "[2001:db8::7]:50000");
    ASSERT_TRUE(client.log_in());
    for (const char* verb : {"EPSV", "EPRT"}) {
        const auto data = client.open_data(verb);
        EXPECT_EQ(client.ask("RETR a"), 150) << verb;
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "content");
    }
}

TEST(Transfer, needs_a_data_address) {
    World world(1);
    world.backend(0).files["a"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto heard = world.backend(0).heard.size();
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(world.backend(0).heard.size(), heard);
}

TEST(Transfer, asks_for_pasv_if_epsv_is_unknown_and_remembers_it) {
    World world(1);
    world.backend(0).script.knows_epsv = false;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto first = world.backend(0).heard.size();
    for (int i = 0; i < 2; ++i) {
        const auto data = client.open_data("EPSV");
        EXPECT_EQ(client.ask("LIST"), 150);
        EXPECT_EQ(client.code(), 226);
    }
    EXPECT_EQ(heard_from(world.backend(0), first),
              (std::vector<std::string>{"EPSV", "PASV", "LIST", "PASV", "LIST"}));
}

TEST(Transfer, asks_for_pasv_at_once_if_feat_lists_no_epsv) {
    World world(1);
    world.backend(0).script.features = " SIZE\r\n";
    world.survey(0);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_FALSE(world.backend(0).has_heard("EPSV"));
}

TEST(Transfer, uses_the_control_connections_address_whatever_the_backend_announces) {
    World world(1);
    world.backend(0).script.knows_epsv = false;  // its 227 names 10.9.9.9
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PASV");
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    for (const auto& dial : world.network.dials())
        EXPECT_EQ(dial.to.ip, world.backend(0).address().ip);
    EXPECT_EQ(world.network.dials().back().from, world.backend(0).address().ip);
}

TEST(Transfer, reaches_an_active_client_from_the_configured_address_and_port) {
    World world(1);
    world.listener.active_source_port = {config::ActiveSource::Kind::below_control, 0};
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PORT");
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    bool found = false;
    for (const auto& dial : world.network.dials()) {
        if (dial.to.ip != base::Ip::parse("198.51.100.7")) continue;
        found = true;
        EXPECT_EQ(dial.from, world.address().ip);
        EXPECT_EQ(dial.source_port, 20);
    }
    EXPECT_TRUE(found);
}

TEST(Transfer, says_425_when_an_active_client_cannot_be_reached) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    EXPECT_EQ(client.ask("STOR a"), 425);
    EXPECT_FALSE(world.backend(0).has_heard("STOR a"));
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, says_425_when_an_active_client_does_not_answer) {
    World world(1);
    world.network.black_hole(base::Address::parse("198.51.100.7:51201").value());
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("PORT 198,51,100,7,200,1"), 200);
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("STOR a"), 425);
    EXPECT_EQ(world.loop.now() - before, world.listener.data_connect_timeout);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, sends_the_command_after_an_active_client_is_reached) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("PORT");
    world.network.delay({base::Ip::parse("198.51.100.7").value(), 50'001}, 2s);
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_GE(world.loop.now() - before, 2s);
    EXPECT_TRUE(data->is_connected());
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), world.backend(0).listing);
}

TEST(Transfer, says_425_when_a_passive_client_never_comes) {
    World world(1);
    world.backend(0).files["a"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    const auto before = world.loop.now();
    EXPECT_EQ(client.code(), 425);
    EXPECT_EQ(world.loop.now() - before, world.listener.data_connect_timeout);
    // No connection came, so the backend's reply does not count.
    EXPECT_EQ(client.ask("NOOP"), 200);
    const auto late = client.connect_to(port);
    world.loop.settle();
    EXPECT_EQ(late->end(), DataPeer::End::reset);
}

TEST(Transfer, accepts_a_passive_client_that_comes_late) {
    World world(1);
    world.backend(0).files["a"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto port = client.passive_port("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.run_for(20s);
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST(Transfer, that_is_refused_after_the_client_connected_moves_nothing) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const char* verb : {"EPSV", "PORT"}) {
        const auto data = client.open_data(verb);
        EXPECT_EQ(client.say("RETR missing"), "550 No such file.");
        world.loop.settle();
        EXPECT_EQ(data->received(), "");
        EXPECT_EQ(data->end(), DataPeer::End::reset) << verb;
        EXPECT_EQ(client.ask("NOOP"), 200);
    }
}

TEST(Transfer, passes_the_refusal_of_a_data_connection_on) {
    World world(1);
    world.backend(0).script.replies["EPSV"] = "425 No port is free.";
    world.backend(0).script.reply_delay = 10ms;  // an active client is reached meanwhile
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    for (const char* verb : {"EPSV", "PORT"}) {
        const auto data = client.open_data(verb);
        EXPECT_EQ(client.say("LIST"), "425 Can't open data connection: No port is free.");
        world.loop.settle();
        EXPECT_TRUE(data->is_connected());
        EXPECT_EQ(data->end(), DataPeer::End::reset) << verb;
        EXPECT_EQ(client.ask("NOOP"), 200);
    }
}

TEST(Transfer, ends_the_session_with_the_backend_that_says_421_to_its_data_connection) {
    World world(1);
    world.backend(0).script.replies["EPSV"] = "421 Going down.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("LIST"), "421 Going down.");
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_TRUE(client.is_ended());
}

TEST(Transfer, says_425_when_the_backend_names_no_port) {
    World world(1);
    world.backend(0).script.replies["EPSV"] = "229 Entering Extended Passive Mode";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("LIST"), 425);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, says_425_when_the_backends_port_cannot_be_reached) {
    World world(1);
    world.backend(0).script.replies["EPSV"] = "229 There (|||9|)";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("LIST"), 425);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, sends_rest_last_before_the_command) {
    World world(1);
    world.backend(0).files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto first = world.backend(0).heard.size();
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(client.ask("REST 4 "), 350);
        const auto data = client.open_data("EPSV");
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "456789");
    }
    // The first REST was sent to learn the answer. With a trailing blank vsftpd would start at 0.
    EXPECT_EQ(heard_from(world.backend(0), first),
              (std::vector<std::string>{"REST 4", "EPSV", "REST 4", "RETR a", "EPSV", "REST 4",
                                        "RETR a"}));
}

TEST(Transfer, answers_rest_itself_if_the_survey_lists_it) {
    World world(1);
    world.survey(0);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);
    EXPECT_FALSE(world.backend(0).has_heard("REST 4"));
    EXPECT_EQ(client.ask("REST x"), 501);
    EXPECT_EQ(client.ask("REST 5 "), 350);
    EXPECT_EQ(client.ask("REST  5"), 350);
    EXPECT_EQ(client.ask("REST 5 5"), 501);
}

TEST(Transfer, passes_a_refused_rest_on) {
    World world(1);
    world.backend(0).script.replies["REST"] = "502 What?";
    world.backend(0).files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("REST 4"), "502 What?");
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST(Transfer, is_refused_if_its_accepted_rest_is_refused_later) {
    World world(1);
    world.survey(0);
    world.backend(0).script.replies["REST"] = "501 Not now.";
    world.backend(0).files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("RETR a"), "501 Not now.");
    world.loop.settle();
    EXPECT_EQ(data->received(), "");
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_FALSE(world.backend(0).has_heard("RETR a"));
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, keeps_rest_during_a_listing_as_servers_do) {
    World world(1);
    world.backend(0).files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);
    const auto list = client.open_data("EPSV");
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(list->received(), world.backend(0).listing);
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "456789");
}

class RestOver : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Transfer, RestOver,
                         testing::Values("XYZZY", "NOOP", "STAT", "PWD", "TYPE I", "SITE X"));

TEST_P(RestOver, any_command_still_applies_to_the_next_transfer) {
    for (const bool has_survey : {false, true}) {
        World world(1);
        if (has_survey) world.survey(0);
        world.backend(0).files["a"] = "0123456789";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        EXPECT_EQ(client.ask("REST 4"), 350);
        // With a data address an unknown verb may be a transfer.
        const auto data = client.open_data("EPSV");
        EXPECT_LT(client.ask(GetParam()), 600);
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "456789");
        const auto again = client.open_data("EPSV");
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(again->received(), "0123456789");
    }
}

TEST(Transfer, uses_rest_up_even_if_it_is_refused) {
    for (const char* refused : {"RETR missing", "STOU"}) {
        World world(1);
        world.survey(0);
        world.backend(0).files["a"] = "0123456789";
        world.backend(0).script.replies["STOU"] = "550 STOU incompatible with REST";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        EXPECT_EQ(client.ask("REST 4"), 350);
        const auto spent = client.open_data("EPSV");
        EXPECT_EQ(client.ask(refused), 550);
        const auto data = client.open_data("EPSV");
        EXPECT_EQ(client.ask("RETR a"), 150);
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(data->received(), "0123456789");
    }
}

TEST(Transfer, by_an_unknown_verb_gets_rest_and_uses_it_up) {
    World world(1);
    world.survey(0);
    world.backend(0).files["a"] = "0123456789";
    world.backend(0).script.downloads.insert("XGET");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);
    const auto first = world.backend(0).heard.size();
    const auto odd = client.open_data("EPSV");
    EXPECT_EQ(client.ask("XGET a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(heard_from(world.backend(0), first),
              (std::vector<std::string>{"EPSV", "REST 4", "XGET a"}));
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), "0123456789");
}

TEST(Transfer, leaves_no_rest_at_a_backend_that_it_never_reached) {
    World world(1);
    world.survey(0);
    world.backend(0).files["a"] = "0123456789";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);
    const auto odd = client.open_data("EPSV");
    EXPECT_EQ(client.ask("XYZZY"), 502);
    EXPECT_TRUE(world.backend(0).has_heard("REST 4"));
    world.backend(0).script.replies["EPSV"] = "425 No port is free.";
    EXPECT_EQ(client.ask("RETR a"), 425);
    world.backend(0).script.replies.clear();
    const auto first = world.backend(0).heard.size();
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(heard_from(world.backend(0), first),
              (std::vector<std::string>{"EPSV", "REST 0", "RETR a"}));
    EXPECT_EQ(data->received(), "0123456789");
}

TEST(Transfer, above_the_limit_leaves_no_rest_at_the_backend) {
    World world(1);
    world.limits.transfers = 1;
    world.backend(0).files["a"] = "0123456789";
    world.backend(0).script.final_delay = 1s;
    TestClient other(world);
    ASSERT_TRUE(other.log_in());
    const auto running = other.open_data("EPSV");
    EXPECT_EQ(other.ask("RETR a"), 150);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("REST 4"), 350);  // sent to the backend, to learn whether it accepts it
    const auto refused = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(other.code(), 226);
    const auto first = world.backend(0).heard.size();
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(heard_from(world.backend(0), first),
              (std::vector<std::string>{"EPSV", "REST 0", "RETR a"}));
}

TEST(Transfer, holds_the_226_until_the_client_has_the_last_byte) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    world.backend(0).script.final_reply_first = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.run_for(10s);
    EXPECT_FALSE(client.has_reply());
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), world.backend(0).files["a"]);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST(Transfer, holds_the_end_of_the_data_until_the_backend_has_said_226) {
    World world(1);
    world.backend(0).files["a"] = "content";
    world.backend(0).script.final_delay = 90s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.run_for(80s);
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(data->end(), DataPeer::End::open);
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST(Transfer, closes_its_side_if_the_backend_waits_for_that) {
    World world(1);
    world.backend(0).files["a"] = "content";
    world.backend(0).script.final_waits_for_close = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.code(1s), 226);
    EXPECT_EQ(data->received(), "content");
}

TEST(Transfer, works_without_a_150) {
    World world(1);
    world.backend(0).files["a"] = "content";
    world.backend(0).script.begin_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("RETR a"), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), "content");
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST(Transfer, answers_status_at_once) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    EXPECT_EQ(client.say("STAT"), "213-Still at it.\r\n226 is not the end\r\n213 End");
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(Transfer, stays_in_step_if_the_backend_answers_status_afterwards) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    world.backend(0).script.status_waits = true;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("STAT");
    EXPECT_FALSE(client.has_reply());
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say(""), "211 It is over.");
    EXPECT_EQ(client.code(), 500);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

class StatusOfAFile : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Transfer, StatusOfAFile,
                         testing::Values("550 No such file.", "450 No such file.", "200 Fine.",
                                         "202 Superfluous.", "211 Fine.", "220 Fine.", "553 No.",
                                         "226 Listed.", "150 Here.\r\n226 Listed."));

/// pyftpdlib 1.5.7 says 550, ProFTPD 450, others a 2xx or, as to LIST, 150 and 226.
TEST_P(StatusOfAFile, during_a_download_does_not_end_it) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    world.backend(0).script.status_reply = GetParam();
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("STAT missing");
    world.loop.run_for(1s);
    data->resume_reading();
    std::string last;
    for (auto reply = client.reply(5s); !reply.empty(); reply = client.reply(5s)) last = reply;
    EXPECT_EQ(last, "226 Transfer complete.");
    EXPECT_EQ(data->received(), world.backend(0).files["a"]);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_P(StatusOfAFile, does_not_make_a_truncated_file_look_whole) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    auto& script = world.backend(0).script;
    script.status_reply = GetParam();
    script.fault = support::BackendScript::Fault::ends_early;
    script.fault_after = 390'000;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("STAT a");
    world.loop.run_for(1s);
    data->resume_reading();
    std::string last;
    for (auto reply = client.reply(5s); !reply.empty(); reply = client.reply(5s)) last = reply;
    EXPECT_EQ(last, "451 It broke.");
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_P(StatusOfAFile, answered_after_the_transfer_does_not_change_its_end) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    world.backend(0).script.status_waits = true;
    world.backend(0).script.late_status_reply = GetParam();
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("STAT missing");
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_EQ(data->received(), world.backend(0).files["a"]);
    while (!client.reply(5s).empty()) {
    }
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

/// Pure-FTPd 1.0.50 swallows about one STAT in three during a download.
TEST(Transfer, finds_out_with_noop_whether_a_status_was_swallowed) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    world.backend(0).script.status_reply = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send_bytes("STAT\r\nSTAT a\r\n");
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.code(5s), 226);
    EXPECT_EQ(data->received(), world.backend(0).files["a"]);
    EXPECT_EQ(client.code(5s), 450);
    EXPECT_EQ(client.code(5s), 450);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(Transfer, makes_other_commands_wait) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send_bytes("NOOP\r\nPWD\r\n");
    world.loop.run_for(10s);
    EXPECT_FALSE(client.has_reply());
    EXPECT_FALSE(world.backend(0).has_heard("NOOP"));
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 200);
    EXPECT_EQ(client.code(), 257);
}

TEST(Transfer, makes_quit_wait_for_its_end) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.send("QUIT");
    client.half_close();
    world.loop.run_for(10s);
    EXPECT_FALSE(client.has_reply());
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 221);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(data->received(), world.backend(0).files["a"]);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
}

TEST(Transfer, finishes_an_upload_if_the_client_then_says_quit_and_half_closes) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR a"), 150);
    data->send("content");
    data->finish();
    world.loop.settle();
    client.send("QUIT");
    client.half_close();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 221);
    EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
}

// 1 MB of commands, sent from the moment when one direction of data has ended.
class FloodedTransfer : public testing::Test {
protected:
    FloodedTransfer() {
        world.backend(0).files["a"] = "content";
        EXPECT_TRUE(client.log_in());
        data = client.open_data("EPSV");
    }
    void flood() {
        std::string lines;
        while (lines.size() < 1'000'000) lines += "NOOP\r\n";
        client.send_bytes(lines);
    }
    /// The bytes that may be sent ahead, and those that the system buffers.
    void expect_most_is_unread() { EXPECT_GT(client.unsent(), 800'000); }

    World world{1};
    TestClient client{world};
    std::unique_ptr<DataPeer> data;
};

TEST_F(FloodedTransfer, is_not_read_at_the_end_of_an_upload) {
    world.backend(0).script.final_delay = 10s;
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("content");
    data->finish();
    world.loop.settle();
    flood();
    world.loop.run_for(5s);
    expect_most_is_unread();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 200);
    EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
}

TEST_F(FloodedTransfer, is_not_read_at_the_end_of_a_download) {
    world.backend(0).script.final_delay = 10s;
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.settle();
    flood();
    world.loop.run_for(5s);
    expect_most_is_unread();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 200);
}

TEST_F(FloodedTransfer, is_not_read_while_data_moves) {
    EXPECT_EQ(client.ask("STOR b"), 150);
    flood();
    world.loop.run_for(5s);
    expect_most_is_unread();
    data->send("content");
    data->finish();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 200);
}

TEST_F(FloodedTransfer, is_not_whole_if_its_client_is_killed_after_the_flood) {
    EXPECT_EQ(client.ask("STOR b"), 150);
    flood();
    data->send("some");
    world.loop.settle();
    data->vanish();
    client.vanish();
    world.loop.run_for(5s);
    EXPECT_FALSE(world.backend(0).stored.at(0).is_whole);
    EXPECT_EQ(world.sessions(), 0);
}

TEST(Transfer, accepts_pipelined_commands) {
    World world(1);
    world.backend(0).files["a"] = "content";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    client.send_bytes("TYPE I\r\nEPSV\r\nRETR a\r\nPWD\r\n");
    EXPECT_EQ(client.code(), 200);
    const auto epsv = client.reply();
    const auto port = static_cast<std::uint16_t>(std::stoi(epsv.substr(epsv.find("|||") + 3)));
    EXPECT_EQ(client.code(), 150);
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.code(), 257);
    EXPECT_EQ(data->received(), "content");
}

TEST(Transfer, relays_an_unknown_verb_if_the_backend_says_150) {
    for (const char* mode : {"EPSV", "PORT"}) {
        World world(1);
        world.backend(0).script.downloads.insert("XGET");
        world.backend(0).script.uploads.insert("XPUT");
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto down = client.open_data(mode);
        EXPECT_EQ(client.ask("XGET a"), 150);
        EXPECT_EQ(client.code(), 226);
        world.loop.settle();
        EXPECT_EQ(down->received(), world.backend(0).listing);
        EXPECT_EQ(down->end(), DataPeer::End::proper);

        const auto up = client.open_data(mode);
        EXPECT_EQ(client.ask("XPUT a"), 150);
        up->send("content");
        up->finish();
        EXPECT_EQ(client.code(), 226);
        EXPECT_EQ(world.backend(0).stored.at(0).bytes, "content");
        EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
    }
}

TEST(Transfer, keeps_the_data_address_when_an_unknown_verb_moves_nothing) {
    World world(1);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("XYZZY"), "502 What?");
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), world.backend(0).listing);
}

TEST(Transfer, is_counted) {
    World world(1);
    world.backend(0).files["a"] = "0123456789";
    const auto whole = metrics::total(metrics::Counter::transfers_whole);
    const auto bytes = metrics::total(metrics::Counter::bytes_downloaded);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    client.send("RETR a");
    EXPECT_EQ(client.code(), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(metrics::total(metrics::Counter::transfers_whole), whole + 1);
    EXPECT_EQ(metrics::total(metrics::Counter::bytes_downloaded), bytes + 10);
}

TEST(Transfer, is_counted_by_the_pool_while_it_runs) {
    World world(1);
    world.backend(0).files["a"] = many_bytes(400'000);
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.settle();
    EXPECT_EQ(world.transfers_running(), 1);
    EXPECT_EQ(world.load().transfers, 1);
    EXPECT_EQ(world.session().phase(), Phase::in_transfer);
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(world.transfers_running(), 0);
}

}  // namespace
}  // namespace ballast::session
