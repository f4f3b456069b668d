// SPDX-License-Identifier: Apache-2.0
// Replies that take long, are long, or never end.
#include "support/test_client.h"

#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

/// Lines of a reply between its first and its last.
std::string many_lines(std::size_t count) {
    std::string lines;
    for (std::size_t i = 0; i < count; ++i)
        lines += "-rw-r--r--   1 anna     users        1234 Jan 01 00:00 file-" +
                 std::to_string(i) + ".txt\r\n";
    return lines;
}

TEST(LongReplies, have_the_long_timeout_of_their_verb) {
    for (const auto* line : {"XSHA1 a", "RNTO b", "DELE a", "SITE x", "STAT d", "XUNKNOWN a"}) {
        World world(1);
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        world.backend(0).script.reply_delay = 4min;
        const auto code = client.ask(line);
        EXPECT_TRUE(code != 0 && code != 421) << line;
    }
    for (const auto* verb : {"XSHA1", "RNTO", "DELE", "SITE", "STAT", "XUNKNOWN"}) {
        World world(1);
        world.backend(0).script.replies[verb] = "";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto before = world.loop.now();
        EXPECT_EQ(client.ask(std::string(verb) + " a"), 421);
        EXPECT_EQ(world.loop.now() - before, world.pool_settings.long_reply_timeout) << verb;
    }
}

TEST(LongReplies, have_the_short_timeout_for_quick_verbs) {
    for (const auto* verb : {"CWD", "TYPE", "PWD", "NOOP"}) {
        World world(1);
        world.backend(0).script.replies[verb] = "";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto before = world.loop.now();
        EXPECT_EQ(client.ask(verb), 421);
        EXPECT_EQ(world.loop.now() - before, world.pool_settings.reply_timeout) << verb;
    }
}

TEST(LongReplies, never_have_less_time_than_short_ones) {
    World world(1);
    world.pool_settings.reply_timeout = 10min;
    world.pool_settings.long_reply_timeout = 5min;
    world.backend(0).script.replies["STAT"] = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("STAT"), 421);
    EXPECT_EQ(world.loop.now() - before, 10min);
}

TEST(LongReplies, to_a_transfer_command_have_the_long_timeout_too) {
    World world(1);
    world.backend(0).script.replies["LIST"] = "";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    const auto before = world.loop.now();
    EXPECT_EQ(client.ask("LIST"), 451);
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.long_reply_timeout);
}

TEST(LongReplies, are_not_late_while_lines_keep_coming) {
    World world(1);
    auto& script = world.backend(0).script;
    script.line_gap = 50s;
    script.replies["CWD"] = "250-a\r\n b\r\n c\r\n250 z";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("CWD d"), script.replies["CWD"]);
    script.line_gap = 4min;
    script.replies["SITE"] = "200-a\r\n" + many_lines(10) + "200 z";
    EXPECT_EQ(client.say("SITE HELP"), script.replies["SITE"]);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST(LongReplies, are_late_if_no_further_line_comes) {
    const struct {
        const char* verb;
        std::chrono::seconds gap;
        const char* heard;
    } rows[] = {{"CWD", 61s, ""}, {"STAT", 301s, "213-a\r\n"}};
    for (const auto& row : rows) {
        World world(1);
        auto& script = world.backend(0).script;
        script.line_gap = row.gap;
        script.replies[row.verb] = "213-a\r\n b\r\n213 z";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        const auto before = client.heard().size();
        client.send(std::string(row.verb) + " d");
        world.loop.run_for(row.gap);
        EXPECT_EQ(client.heard().substr(before),
                  row.heard + std::string("421 The connection to the server was lost.\r\n"));
        EXPECT_EQ(world.sessions(), 0);
    }
}

TEST(LongReplies, are_bounded_for_verbs_with_short_replies) {
    World world(1);
    world.backend(0).script.replies["CWD"] = "250-a\r\n" + many_lines(2000) + "250 z";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("CWD d"), "421 The connection to the server was lost.");
}

TEST(LongReplies, reach_the_client_line_by_line) {
    World world(1);
    auto& script = world.backend(0).script;
    script.line_gap = 10s;
    script.replies["STAT"] = "213-a\n\r\n b\r\n213 z";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto before = client.heard().size();
    client.send("STAT d");
    world.loop.settle();
    EXPECT_EQ(client.heard().substr(before), "213-a\r\n\r\n");
    world.loop.run_for(10s);
    EXPECT_EQ(client.heard().substr(before), "213-a\r\n\r\n b\r\n");
    world.loop.run_for(10s);
    EXPECT_EQ(client.heard().substr(before), "213-a\r\n\r\n b\r\n213 z\r\n");
}

TEST(LongReplies, may_have_any_length) {
    for (const std::size_t slice : {std::size_t{0}, std::size_t{1000}}) {
        World world(1);
        world.network.shape.slice_bytes = slice;
        world.backend(0).script.replies["STAT"] =
            "213-Status\r\n" + many_lines(slice == 0 ? 100'000 : 2000) + "213 End";
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        client.send_bytes("STAT /\r\nABOR\r\nPWD\r\n");
        EXPECT_EQ(client.reply(), world.backend(0).script.replies["STAT"]);
        EXPECT_EQ(client.reply(), "226 Nothing to abort.");
        EXPECT_EQ(client.reply(), "257 \"/\" is where you are.");
    }
}

TEST(LongReplies, are_not_read_from_the_backend_if_the_client_does_not_read) {
    World world(1);
    auto& script = world.backend(0).script;
    script.never_ends = true;
    script.replies["STAT"] = "213-Status\r\n" + many_lines(100) + "and so on";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto before = world.backend(0).bytes_said();
    client.stop_reading();
    client.send("STAT /");
    world.loop.run_for(20s);
    EXPECT_EQ(world.sessions(), 1);
    // Two pipes of 64 KiB, what is read at once, and what the parser may hold.
    EXPECT_LT(world.backend(0).bytes_said() - before, 256 << 10);
    EXPECT_GT(world.backend(0).bytes_said() - before, 64 << 10);
    world.loop.run_for(20s);
    EXPECT_EQ(world.sessions(), 0);  // write_timeout
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(LongReplies, without_end_are_cut_off_and_do_not_hold_up_other_sessions) {
    World world(1);
    auto& script = world.backend(0).script;
    script.never_ends = true;
    script.line_gap = 30s;
    script.replies["STAT"] = "213-Status\r\n and so on";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto before = world.loop.now();
    client.send("STAT /");
    world.loop.run_for(50min);
    EXPECT_EQ(world.sessions(), 1);
    TestClient other(world, "198.51.100.8:50000");
    EXPECT_TRUE(other.log_in());
    (void)world.loop.run_until([&] { return world.sessions() == 1; });
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.reply_time_max);
    EXPECT_TRUE(client.heard().ends_with(
        "\r\n and so on\r\n421 The connection to the server was lost.\r\n"));
    EXPECT_EQ(other.ask("PWD"), 257);
}

TEST(LongReplies, at_full_speed_leave_turns_for_other_sessions) {
    World world(1);
    auto& script = world.backend(0).script;
    script.never_ends = true;
    script.replies["STAT"] = "213-Status\r\n" + many_lines(100) + "and so on";
    TestClient other(world, "198.51.100.8:50000");
    ASSERT_TRUE(other.log_in());
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    client.send("STAT /");
    const auto before = world.backend(0).bytes_said();
    EXPECT_EQ(other.ask("PWD"), 257);
    EXPECT_LT(world.backend(0).bytes_said() - before, 4 << 20);
    EXPECT_EQ(client.heard().find("421 "), std::string::npos);
    client.vanish();
    EXPECT_TRUE(world.loop.run_until([&] { return world.sessions() == 1; }));
}

TEST(LongReplies, may_end_with_a_different_code) {
    World world(1);
    auto& script = world.backend(0).script;
    script.line_gap = 5s;
    script.replies["STAT"] = "211-a\r\n b\r\n214 z";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.say("STAT"), "211-a\r\n b\r\n211 z");
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST(LongReplies, at_login_must_end_in_time_or_the_next_backend_is_tried) {
    World world(2);
    world.pool_settings.balance = balance::find_policy("first");
    world.listener.login_timeout = 1h;
    auto& script = world.backend(0).script;
    script.never_ends = true;
    script.line_gap = 30s;
    script.replies["USER"] = "331-Wait\r\n and so on";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    const auto before = world.loop.now();
    EXPECT_EQ(client.say("USER anna"), "331 Password please.");
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.long_reply_timeout);
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

const std::string long_status = "213-Status\r\n" + many_lines(20'000) + "213 End";

/// A download of `bytes` that waits for its client. For the backend a small one is finished.
class LongStatus : public testing::Test {
protected:
    void begin(std::size_t bytes = 400'000) {
        world.backend(0).files["a"] = std::string(bytes, 'x');
        ASSERT_TRUE(client.log_in());
        data = client.open_data("EPSV");
        data->stop_reading();
        EXPECT_EQ(client.ask("RETR a"), 150);
    }
    void expect_whole_file() {
        world.loop.settle();
        EXPECT_EQ(data->received(), world.backend(0).files["a"]);
        EXPECT_EQ(data->end(), support::DataPeer::End::proper);
        EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
    }

    World world{1};
    support::BackendScript& script = world.backend(0).script;
    TestClient client{world};
    std::unique_ptr<support::DataPeer> data;
};

TEST_F(LongStatus, during_a_transfer_passes_before_its_end) {
    script.status_reply = long_status;
    begin();
    EXPECT_EQ(client.say("STAT /"), long_status);
    EXPECT_EQ(client.say("STAT /"), long_status);
    data->resume_reading();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    expect_whole_file();
}

TEST_F(LongStatus, passes_line_by_line_while_data_moves) {
    script.status_reply = "213-Still at it.\r\n so it is\r\n213 End";
    script.line_gap = 10s;
    begin();
    const auto before = client.heard().size();
    client.send("STAT");
    world.loop.run_for(15s);
    EXPECT_EQ(client.heard().substr(before), "213-Still at it.\r\n so it is\r\n");
    data->resume_reading();
    EXPECT_EQ(client.code(), 213);
    EXPECT_EQ(client.code(), 226);
    expect_whole_file();
}

TEST_F(LongStatus, after_a_transfer_comes_after_its_final_reply) {
    script.status_waits = true;
    script.late_status_reply = long_status;
    begin();
    client.send("STAT /");
    world.loop.run_for(1s);
    client.send("STAT /");
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_EQ(client.reply(), long_status);
    EXPECT_EQ(client.reply(), long_status);
    expect_whole_file();
}

TEST_F(LongStatus, may_take_long_to_begin_after_a_transfer) {
    script.status_waits = true;
    script.late_status_reply = long_status;
    script.late_status_delay = 4min;
    begin();
    client.send_bytes("STAT /\r\nNOOP\r\n");
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_EQ(client.reply(), long_status);
    EXPECT_EQ(client.code(), 200);
    expect_whole_file();
}

TEST_F(LongStatus, may_pause_between_its_lines_after_a_transfer) {
    script.status_waits = true;
    script.late_status_reply = "213-Status\r\n a line\r\n213 End";
    script.late_status_delay = 500ms;
    script.line_gap = 30s;
    begin();
    client.send_bytes("STAT /\r\n");
    world.loop.run_for(100ms);
    data->resume_reading();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_EQ(client.reply(), script.late_status_reply);
    expect_whole_file();
}

/// A server that has finished a listing and begun to answer the STAT behind it, before the client
/// has opened its data connection.
class EarlyStatus : public testing::Test {
protected:
    void begin() {
        world.backend(0).script.replies["STAT"] = long_status;
        world.backend(0).script.final_delay = 1s;
        ASSERT_TRUE(client.log_in());
        port = client.passive_port("EPSV");
        EXPECT_EQ(client.ask("LIST"), 150);
        client.send("STAT /");
        world.loop.run_for(2s);
        EXPECT_FALSE(client.has_reply());
        EXPECT_LT(world.backend(0).bytes_said(), 64 << 10);
    }

    World world{1};
    TestClient client{world};
    std::uint16_t port = 0;
};

TEST_F(EarlyStatus, waits_for_the_data_of_its_transfer) {
    begin();
    const auto data = client.connect_to(port);
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_EQ(client.reply(), long_status);
    EXPECT_EQ(data->received(), world.backend(0).listing);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(EarlyStatus, comes_before_the_replies_to_abor) {
    begin();
    client.send("ABOR");
    EXPECT_EQ(client.reply(), long_status);
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(LongStatus, ends_before_the_replies_to_abor_if_it_has_begun) {
    script.status_reply = long_status;
    begin();
    client.stop_reading();
    client.send("STAT /");
    world.loop.run_for(1s);
    client.send("ABOR");
    world.loop.run_for(1s);
    client.resume_reading();
    EXPECT_EQ(client.reply(), long_status);
    EXPECT_EQ(client.reply(), "426 Connection closed; transfer aborted.");
    EXPECT_EQ(client.reply(), "226 ABOR successful.");
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), support::DataPeer::End::reset);
}

TEST_F(LongStatus, passes_during_an_upload_too) {
    script.status_reply = long_status;
    ASSERT_TRUE(client.log_in());
    data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("half");
    EXPECT_EQ(client.say("STAT /"), long_status);
    data->send(" and half");
    data->finish();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_EQ(world.backend(0).stored.front().bytes, "half and half");
    EXPECT_TRUE(world.backend(0).stored.front().is_whole);
}

TEST_F(LongStatus, stays_at_the_backend_if_the_client_does_not_read) {
    script.never_ends = true;
    script.status_reply = "213-Status\r\n" + many_lines(100) + "and so on";
    begin();
    const auto before = world.backend(0).bytes_said();
    client.stop_reading();
    client.send("STAT /");
    world.loop.run_for(20s);
    EXPECT_EQ(world.transfers_running(), 1);
    EXPECT_LT(world.backend(0).bytes_said() - before, 256 << 10);
    EXPECT_GT(world.backend(0).bytes_said() - before, 64 << 10);
    world.loop.run_for(5min);
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(LongStatus, without_end_is_cut_off) {
    script.never_ends = true;
    script.line_gap = 30s;
    script.status_reply = "213-Status\r\n and so on";
    world.listener.data_stall_timeout = 4h;
    begin();
    const auto before = world.loop.now();
    client.send("STAT /");
    EXPECT_TRUE(world.loop.run_until([&] { return world.sessions() == 0; }));
    EXPECT_GE(world.loop.now() - before, world.pool_settings.reply_time_max);
    EXPECT_LT(world.loop.now() - before, world.pool_settings.reply_time_max + 1min);
    EXPECT_TRUE(client.heard().ends_with("\r\n421 The connection to the server was lost.\r\n"));
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), support::DataPeer::End::reset);
}

TEST_F(LongStatus, ends_the_session_if_its_end_never_comes) {
    script.status_waits = true;
    script.late_status_reply = "213-Status\r\n one";
    begin();
    client.send("STAT /");
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.reply(), "226 Transfer complete.");
    EXPECT_TRUE(world.loop.run_until([&] { return world.sessions() == 0; }, 6min));
    EXPECT_TRUE(client.heard().ends_with(
        "213-Status\r\n one\r\n421 The connection to the server was lost.\r\n"));
}

TEST(LongReplies, to_an_unknown_verb_pass_while_a_data_address_is_pending) {
    World world(1);
    world.backend(0).script.replies["XDIR"] = long_status;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.say("XDIR"), long_status);
    EXPECT_EQ(client.ask("LIST"), 150);
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(data->received(), world.backend(0).listing);
}

}  // namespace
}  // namespace ballast::session
