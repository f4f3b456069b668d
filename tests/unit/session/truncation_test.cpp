// SPDX-License-Identifier: Apache-2.0
// Truncated data must not look whole to either side.
#include "support/test_client.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::BackendScript;
using support::DataPeer;
using support::TestClient;
using support::World;
using Fault = BackendScript::Fault;

const std::string large(400'000, 'x');

class Truncation : public testing::Test {
protected:
    Truncation() {
        world.backend(0).files["a"] = large;
        EXPECT_TRUE(client.log_in());
    }
    void break_after(std::uint64_t bytes, Fault fault) {
        world.backend(0).script.fault = fault;
        world.backend(0).script.fault_after = bytes;
    }
    /// Continues up to the 150.
    void begin(std::string_view command) {
        data = client.open_data("EPSV");
        EXPECT_EQ(client.ask(command), 150);
    }
    void expect_data_is_reset() {
        world.loop.settle();
        EXPECT_EQ(data->end(), DataPeer::End::reset);
    }
    void expect_session_is_over() {
        EXPECT_EQ(client.code(), 421);
        EXPECT_TRUE(client.is_ended());
        EXPECT_EQ(world.seats_taken(), 0);
    }
    void expect_nothing_stored_whole() {
        world.loop.run_for(1s);
        ASSERT_EQ(world.backend(0).stored.size(), 1);
        EXPECT_FALSE(world.backend(0).stored[0].is_whole);
    }

    World world{1};
    TestClient client{world};
    std::unique_ptr<DataPeer> data;
};

TEST_F(Truncation, by_a_backend_that_is_killed_in_a_download) {
    for (const std::uint64_t bytes : {0U, 1U, 65'536U, 399'999U}) {
        World another(1);
        another.backend(0).files["a"] = large;
        another.backend(0).script.fault = Fault::killed;
        another.backend(0).script.fault_after = bytes;
        TestClient its_client(another);
        EXPECT_TRUE(its_client.log_in());
        const auto its_data = its_client.open_data("EPSV");
        EXPECT_EQ(its_client.ask("RETR a"), 150);
        const auto code = its_client.code();
        EXPECT_TRUE(code == 426 || code == 451) << code;
        EXPECT_EQ(its_client.code(), 421);
        EXPECT_TRUE(its_client.is_ended());
        EXPECT_EQ(its_data->end(), DataPeer::End::reset) << bytes;
        EXPECT_LE(its_data->received().size(), bytes);
    }
}

TEST_F(Truncation, by_a_backend_that_is_killed_after_the_last_byte_and_before_its_226) {
    break_after(large.size(), Fault::killed);
    begin("RETR a");
    const auto code = client.code();
    EXPECT_TRUE(code == 426 || code == 451) << code;
    expect_data_is_reset();
    expect_session_is_over();
}

TEST_F(Truncation, by_a_backend_that_is_killed_in_an_upload) {
    break_after(1000, Fault::killed);
    begin("STOR b");
    data->send(large);
    const auto code = client.code();
    EXPECT_TRUE(code == 426 || code == 451) << code;
    expect_data_is_reset();
    expect_session_is_over();
}

TEST_F(Truncation, by_a_backend_that_resets_a_download) {
    break_after(1000, Fault::reset_data);
    begin("RETR a");
    EXPECT_EQ(client.reply(), "426 It broke.");
    expect_data_is_reset();
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_backend_that_resets_an_upload) {
    break_after(1000, Fault::reset_data);
    begin("STOR b");
    data->send(large);
    EXPECT_EQ(client.reply(), "426 It broke.");
    expect_data_is_reset();
    expect_nothing_stored_whole();
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_backend_that_ends_the_data_properly_but_says_451) {
    break_after(1000, Fault::ends_early);
    begin("RETR a");
    EXPECT_EQ(client.reply(), "451 It broke.");
    EXPECT_EQ(data->received().size(), 1000);
    expect_data_is_reset();
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_backend_that_refuses_an_upload_in_its_middle) {
    break_after(1000, Fault::ends_early);
    begin("STOR b");
    data->send(large);
    EXPECT_EQ(client.reply(), "451 It broke.");
    expect_data_is_reset();
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_lost_control_connection_although_the_data_ends_properly) {
    break_after(1000, Fault::lose_control);
    begin("RETR a");
    const auto code = client.code();
    EXPECT_TRUE(code == 426 || code == 451) << code;
    expect_data_is_reset();
    expect_session_is_over();
}

TEST_F(Truncation, by_a_lost_control_connection_in_an_upload) {
    break_after(1000, Fault::lose_control);
    begin("STOR b");
    data->send(large);
    data->finish();
    const auto code = client.code();
    EXPECT_TRUE(code == 426 || code == 451) << code;
    expect_data_is_reset();
    expect_session_is_over();
}

TEST_F(Truncation, by_a_download_that_stalls) {
    break_after(1000, Fault::stall);
    begin("RETR a");
    const auto before = world.loop.now();
    EXPECT_EQ(client.code(), 426);
    EXPECT_GE(world.loop.now() - before, world.listener.data_stall_timeout);
    expect_data_is_reset();
}

TEST_F(Truncation, by_an_upload_that_stalls) {
    begin("STOR b");
    data->send("some");
    EXPECT_EQ(client.code(), 426);
    expect_data_is_reset();
    expect_nothing_stored_whole();
}

TEST_F(Truncation, by_a_final_reply_that_never_comes) {
    world.backend(0).script.final_reply = "";
    begin("RETR a");
    const auto before = world.loop.now();
    EXPECT_EQ(client.code(), 451);
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.final_reply_timeout);
    expect_data_is_reset();
    expect_session_is_over();
}

TEST_F(Truncation, by_a_final_reply_that_never_comes_to_an_upload) {
    world.backend(0).script.final_reply = "";
    begin("STOR b");
    data->send("content");
    data->finish();
    const auto before = world.loop.now();
    EXPECT_EQ(client.code(), 451);
    EXPECT_EQ(world.loop.now() - before,
              world.pool_settings.final_reply_timeout + world.listener.upload_end_grace);
    expect_session_is_over();
}

TEST_F(Truncation, by_a_negative_final_reply_keeps_the_backends_text) {
    world.backend(0).script.final_reply = "552 Quota exceeded.";
    begin("RETR a");
    EXPECT_EQ(client.reply(), "552 Quota exceeded.");
    EXPECT_EQ(data->received(), large);
    expect_data_is_reset();
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_F(Truncation, is_reported_before_the_data_is_reset) {
    world.backend(0).script.final_reply = "552 Quota exceeded.";
    begin("RETR a");
    bool was_told = false;
    data->at_change = [&] {
        if (data->end() == DataPeer::End::reset)
            was_told = client.heard().ends_with("552 Quota exceeded.\r\n");
    };
    world.loop.run_for(1s);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_TRUE(was_told);
    data->at_change = nullptr;
}

TEST_F(Truncation, is_not_done_to_a_refused_download_without_a_byte) {
    world.backend(0).files["d"] = "";
    world.backend(0).script.final_reply = "550 Not a plain file.";
    begin("RETR d");
    EXPECT_EQ(client.reply(), "550 Not a plain file.");
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_F(Truncation, is_not_done_to_a_refused_listing) {
    world.backend(0).script.final_reply = "450 No such file or directory.";
    begin("LIST nosuch");
    EXPECT_EQ(client.reply(), "450 No such file or directory.");
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_F(Truncation, by_a_421_instead_of_the_final_reply) {
    world.backend(0).script.final_reply = "421 Going down.";
    begin("RETR a");
    EXPECT_EQ(client.reply(), "421 Going down.");
    expect_data_is_reset();
    EXPECT_TRUE(client.is_ended());
}

TEST_F(Truncation, by_a_server_that_confirms_an_upload_before_its_end) {
    world.backend(0).script.final_reply_first = true;
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    data->finish();
    EXPECT_EQ(client.code(), 451);
    expect_data_is_reset();
    expect_nothing_stored_whole();
    // ABOR comes before the reset, because a receiving server may take a reset for the end.
    EXPECT_TRUE(world.backend(0).has_heard("ABOR"));
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_client_that_breaks_an_upload_after_asking_for_its_status) {
    world.backend(0).script.status_reply = "550 No such file.";
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    EXPECT_EQ(client.ask("STAT missing"), 550);
    data->reset();
    EXPECT_EQ(client.code(), 426);
    expect_nothing_stored_whole();
    EXPECT_TRUE(world.backend(0).has_heard("ABOR"));
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_client_that_is_killed_in_an_upload) {
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    // Its kernel ends both connections properly, in either order.
    client.vanish();
    data->vanish();
    expect_nothing_stored_whole();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Truncation, by_a_client_whose_data_ends_just_before_it_is_gone) {
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    data->vanish();
    client.vanish();
    expect_nothing_stored_whole();
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Truncation, by_a_client_that_sends_quit_early_and_is_killed) {
    data = client.open_data("EPSV");
    client.send_bytes("STOR b\r\nQUIT\r\n");
    EXPECT_EQ(client.code(), 150);
    data->send("some");
    world.loop.settle();
    data->vanish();
    client.vanish();
    expect_nothing_stored_whole();
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Truncation, by_a_client_that_sends_quit_after_many_commands_and_is_killed) {
    data = client.open_data("EPSV");
    std::string lines = "STOR b\r\n";
    for (int i = 0; i < 100; ++i) lines += "NOOP\r\n";
    client.send_bytes(lines + "QUIT\r\n");
    data->send("some");
    data->vanish();
    world.loop.settle();
    client.vanish();
    expect_nothing_stored_whole();
    EXPECT_EQ(world.sessions(), 0);
}

TEST(TruncationOnALongWay, by_a_client_whose_ends_arrive_apart) {
    World world(1);
    world.network.shape.round_trip = 50ms;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("some");
    world.loop.settle();
    data->vanish();
    world.loop.run_for(140ms);
    client.vanish();
    world.loop.run_for(1s);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
}

TEST(TruncationOnALongWay, is_decided_after_a_second_at_most) {
    World world(1);
    world.network.shape.round_trip = 10s;
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("STOR b"), 150);
    data->send("content");
    data->finish();
    const auto before = world.loop.now();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(world.loop.now() - before, 1s);
    EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
}

TEST_F(Truncation, by_a_client_that_breaks_its_control_connection_in_an_upload) {
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    client.reset();
    world.loop.settle();
    expect_nothing_stored_whole();
    expect_data_is_reset();
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Truncation, by_a_client_that_half_closes_without_quit_in_an_upload) {
    begin("STOR b");
    data->send("some");
    client.half_close();
    world.loop.settle();
    data->finish();
    EXPECT_EQ(client.code(), 426);
    expect_nothing_stored_whole();
}

TEST_F(Truncation, by_a_client_that_resets_its_upload) {
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    data->reset();
    EXPECT_EQ(client.code(), 426);
    EXPECT_TRUE(world.backend(0).has_heard("ABOR"));
    expect_nothing_stored_whole();
    EXPECT_EQ(client.ask("NOOP"), 200);
}

TEST_F(Truncation, by_a_client_that_resets_its_download) {
    begin("RETR a");
    data->reset();
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_client_that_closes_its_download_early) {
    begin("RETR a");
    data->vanish();
    EXPECT_EQ(client.code(), 426);
    EXPECT_EQ(client.say("PWD"), "257 \"/\" is where you are.");
}

TEST_F(Truncation, by_a_client_that_leaves_before_its_data_comes) {
    EXPECT_NE(client.passive_port("EPSV"), 0);
    EXPECT_EQ(client.ask("STOR b"), 150);
    client.vanish();
    expect_nothing_stored_whole();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.network.leases(), 0);
}

TEST_F(Truncation, is_not_done_to_a_download_whose_client_ended_only_its_control_connection) {
    data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    client.half_close();
    world.loop.run_for(1s);
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    world.loop.settle();
    EXPECT_EQ(data->received(), large);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_TRUE(client.is_ended());
}

TEST_F(Truncation, is_not_done_to_a_download_whose_client_half_closed_both_connections) {
    break_after(1000, Fault::stall);
    begin("RETR a");
    data->finish();  // as `nc -N` does
    client.half_close();
    world.loop.run_for(world.listener.data_stall_timeout - 1s);
    EXPECT_EQ(data->end(), DataPeer::End::open);
    EXPECT_EQ(world.transfers_running(), 1);
}

TEST_F(Truncation, frees_the_seat_of_a_lost_client_although_its_backend_is_silent) {
    break_after(1000, Fault::stall);
    begin("RETR a");
    data->finish();
    client.half_close();
    world.loop.run_for(90s);
    EXPECT_EQ(world.transfers_running(), 1);
    data->reset();  // a kernel that has forgotten the connection answers a probe
    world.loop.run_for(20s);
    EXPECT_EQ(world.transfers_running(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Truncation, of_a_download_by_a_session_that_is_destroyed) {
    data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.loop.settle();
    world.destroy_sessions();
    data->resume_reading();
    expect_data_is_reset();
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_EQ(world.transfers_running(), 0);
}

TEST_F(Truncation, of_an_upload_by_a_session_that_is_destroyed) {
    begin("STOR b");
    data->send("some");
    world.loop.settle();
    world.destroy_sessions();
    expect_nothing_stored_whole();
    expect_data_is_reset();
}

TEST_F(Truncation, is_not_done_to_a_transfer_by_stopping_the_session) {
    data = client.open_data("EPSV");
    data->stop_reading();
    EXPECT_EQ(client.ask("RETR a"), 150);
    world.session().stop();
    world.loop.run_for(10s);
    EXPECT_FALSE(client.has_reply());
    data->resume_reading();
    EXPECT_EQ(client.code(), 226);
    EXPECT_EQ(client.reply(), "421 Service is shutting down.");
    EXPECT_EQ(data->received(), large);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(TruncationOfUnknownVerbs, is_seen_both_ways) {
    for (const auto fault : {Fault::killed, Fault::reset_data, Fault::ends_early}) {
        World world(1);
        world.backend(0).script.downloads.insert("XGET");
        world.backend(0).script.uploads.insert("XPUT");
        world.backend(0).script.fault = fault;
        world.backend(0).script.fault_after = 5;
        for (const std::string verb : {"XGET", "XPUT"}) {
            TestClient client(world);
            ASSERT_TRUE(client.log_in());
            const auto data = client.open_data("EPSV");
            EXPECT_EQ(client.ask(verb + " a"), 150);
            if (verb == "XPUT") data->send(large);
            EXPECT_GE(client.code(), 400);
            world.loop.settle();
            EXPECT_EQ(data->end(), DataPeer::End::reset);
            for (const auto& upload : world.backend(0).stored) EXPECT_FALSE(upload.is_whole);
        }
    }
}

TEST(TruncationOfUnknownVerbs, by_a_client_that_is_killed) {
    World world(1);
    world.backend(0).script.uploads.insert("XPUT");
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    EXPECT_EQ(client.ask("XPUT a"), 150);
    data->send("some");
    world.loop.settle();
    data->vanish();
    client.vanish();
    world.loop.run_for(1s);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
}

}  // namespace
}  // namespace ballast::session
