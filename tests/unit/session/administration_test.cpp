// SPDX-License-Identifier: Apache-2.0
// What becomes of sessions when the administrator drains or disables their backend.
#include "support/log_lines.h"
#include "support/test_client.h"
#include "support/tls_ends.h"

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using pool::AdminState;
using support::DataPeer;
using support::TestClient;
using support::World;

const std::string large(400'000, 'x');
const std::string ended = "421 The administrator ended the session.";
const std::string goodbye = "421 Service not available: the server is taken out of service.";

class Administration : public testing::Test {
protected:
    void administer(AdminState state, const char* backend = "alf1") {
        ASSERT_TRUE(world.pool().administer(backend, state));
    }
    void log_in() { ASSERT_TRUE(client().log_in()); }
    /// A download that has begun and that the client does not read.
    void begin_download() {
        world.backend(0).files["a"] = large;
        log_in();
        data = client().open_data("EPSV");
        data->stop_reading();
        ASSERT_EQ(client().ask("RETR a"), 150);
        world.loop.settle();
    }
    void begin_upload() {
        log_in();
        data = client().open_data("EPSV");
        ASSERT_EQ(client().ask("STOR b"), 150);
        data->send("some");
        world.loop.settle();
    }
    void expect_end(loop::Time::duration within) {
        EXPECT_EQ(client().reply(within), goodbye);
        EXPECT_TRUE(client().is_ended());
        EXPECT_EQ(world.sessions(), 0);
        EXPECT_EQ(world.seats_taken(), 0);
        EXPECT_EQ(world.transfers_running(), 0);
    }
    Session& only_session() {
        return *world.directory().find(world.directory().slice({}, 1).at(0).id);
    }
    /// At once, as time stands still.
    void expect_end() { expect_end(0s); }

    /// It connects when it is first used: settings may be changed before.
    TestClient& client() {
        if (!client_) client_.emplace(world);
        return *client_;
    }

    World world{2};
    std::unique_ptr<DataPeer> data;

private:
    std::optional<TestClient> client_;
};

// Drain

TEST_F(Administration, a_session_goes_on_while_its_backend_drains) {
    world.backend(0).files["a"] = "content";
    log_in();
    administer(AdminState::draining);
    const auto own_data = client().open_data("EPSV");
    EXPECT_EQ(client().ask("RETR a"), 150);
    EXPECT_EQ(client().code(), 226);
    EXPECT_EQ(client().ask("PWD"), 257);
    for (const char* const from : {"198.51.100.8:50000", "198.51.100.9:50000"}) {
        TestClient another(world, from);
        EXPECT_TRUE(another.log_in());
    }
    EXPECT_EQ(world.backend(0).sessions(), 1);
    EXPECT_EQ(world.backend(1).sessions_ever(), 2);
}

TEST_F(Administration, a_login_that_has_begun_goes_on_while_its_backend_drains) {
    EXPECT_EQ(client().code(), 220);
    EXPECT_EQ(client().ask("USER anna"), 331);
    administer(AdminState::draining);
    EXPECT_EQ(client().ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).sessions(), 1);
}

TEST_F(Administration, the_log_says_when_the_last_session_has_left) {
    support::LogLines lines(log::Level::info);
    log_in();
    administer(AdminState::draining);
    EXPECT_EQ(lines.count("backend drained"), 0);
    EXPECT_EQ(client().ask("QUIT"), 221);
    world.loop.settle();
    EXPECT_EQ(lines.count("backend drained"), 1);
}

// Drain, and end what is idle

TEST_F(Administration, an_idle_session_ends_with_421) {
    log_in();
    administer(AdminState::draining_idle);
    expect_end();
}

TEST_F(Administration, a_session_that_waits_for_its_password_is_idle) {
    EXPECT_EQ(client().code(), 220);
    EXPECT_EQ(client().ask("USER anna"), 331);
    administer(AdminState::draining_idle);
    expect_end();
}

TEST_F(Administration, a_session_without_a_backend_is_not_meant) {
    EXPECT_EQ(client().code(), 220);
    administer(AdminState::disabled);
    world.loop.settle();
    EXPECT_EQ(client().ask("USER anna"), 331);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST_F(Administration, a_session_ends_behind_its_transfer) {
    begin_download();
    administer(AdminState::draining_idle);
    world.loop.run_for(10s);
    EXPECT_FALSE(client().has_reply());
    data->resume_reading();
    EXPECT_EQ(client().code(), 226);
    EXPECT_EQ(data->received(), large);
    EXPECT_EQ(data->end(), DataPeer::End::proper);
    expect_end();
}

TEST_F(Administration, a_session_ends_behind_its_command) {
    world.backend(0).script.replies["SITE"] = "200 Done.";
    log_in();
    world.backend(0).script.reply_delay = 5s;
    client().send("SITE slow");
    world.loop.run_for(1s);
    administer(AdminState::draining_idle);
    EXPECT_EQ(client().reply(), "200 Done.");
    expect_end();
}

TEST_F(Administration, a_session_goes_on_if_its_backend_is_ready_again_before_it_is_idle) {
    begin_download();
    administer(AdminState::draining_idle);
    world.loop.run_for(1s);
    administer(AdminState::ready);
    data->resume_reading();
    EXPECT_EQ(client().code(), 226);
    EXPECT_EQ(client().ask("PWD"), 257);
}

// Disable

TEST_F(Administration, a_download_from_a_disabled_backend_is_reset) {
    begin_download();
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(2s), 426);
    expect_end();
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_LT(data->received().size(), large.size());
}

TEST_F(Administration, an_upload_to_a_disabled_backend_is_aborted) {
    begin_upload();
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(2s), 426);
    expect_end();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_TRUE(world.backend(0).has_heard("ABOR"));
    world.loop.run_for(1s);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
}

// One session, or one transfer

TEST_F(Administration, an_operator_ends_a_transfer_and_its_session_goes_on) {
    begin_download();
    EXPECT_TRUE(only_session().end_transfer());
    EXPECT_EQ(client().code(2s), 426);
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_LT(data->received().size(), large.size());
    EXPECT_FALSE(only_session().end_transfer());
    EXPECT_EQ(client().ask("PWD"), 257);
    const auto next = client().open_data("EPSV");
    EXPECT_EQ(client().ask("RETR a"), 150);
    EXPECT_EQ(client().code(), 226);
    EXPECT_EQ(next->received(), large);
}

TEST_F(Administration, an_upload_that_an_operator_ends_is_aborted) {
    begin_upload();
    EXPECT_TRUE(only_session().end_transfer());
    EXPECT_EQ(client().code(2s), 426);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    world.loop.run_for(1s);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
    EXPECT_EQ(client().ask("NOOP"), 200);
}

TEST_F(Administration, an_operator_ends_a_session_in_its_transfer) {
    begin_download();
    only_session().cut();
    EXPECT_EQ(client().code(2s), 426);
    EXPECT_EQ(client().reply(2s), ended);
    EXPECT_TRUE(client().is_ended());
    data->resume_reading();
    world.loop.settle();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Administration, an_operator_ends_an_idle_session) {
    log_in();
    only_session().cut();
    EXPECT_EQ(client().reply(0s), ended);
    EXPECT_TRUE(client().is_ended());
    EXPECT_EQ(world.sessions(), 0);
}

TEST_F(Administration, an_operator_ends_a_session_whose_backend_hangs) {
    world.backend(0).script.replies["SITE"] = "";
    log_in();
    client().send("SITE slow");
    world.loop.run_for(1s);
    only_session().cut();
    EXPECT_EQ(client().reply(2s), ended);
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Administration, an_operator_ends_a_session_that_waits_for_its_log_in) {
    world.backend(0).script.replies["USER"] = "";
    EXPECT_EQ(client().code(), 220);
    client().send("USER anna");
    world.loop.run_for(1s);
    only_session().cut();
    EXPECT_EQ(client().code(2s), 421);
    EXPECT_TRUE(client().is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Administration, a_disabled_backend_that_hangs_delays_nobody) {
    world.backend(0).script.abort_replies = {};
    world.backend(0).script.final_reply = {};
    begin_upload();
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(3s), 426);
    expect_end();
    EXPECT_EQ(data->end(), DataPeer::End::reset);
}

TEST_F(Administration, whole_data_have_a_moment_for_the_reply_of_a_disabled_backend) {
    for (const bool confirms : {true, false}) {
        World another(1);
        another.backend(0).script.final_delay = confirms ? 500ms : 10s;
        TestClient its_client(another);
        ASSERT_TRUE(its_client.log_in());
        const auto its_data = its_client.open_data("EPSV");
        EXPECT_EQ(its_client.ask("STOR b"), 150);
        its_data->send("all");
        its_data->finish();
        another.loop.run_for(400ms);  // the grace of an end is over
        another.pool().administer("alf1", AdminState::disabled);
        const auto code = its_client.code(3s);
        EXPECT_EQ(code == 226, confirms) << code;
        EXPECT_EQ(its_client.reply(0s), goodbye);
        EXPECT_EQ(another.sessions(), 0);
    }
}

TEST_F(Administration, a_command_to_a_disabled_backend_has_a_second) {
    log_in();
    world.backend(0).script.replies["SITE"] = "";
    client().send("SITE slow");
    world.loop.run_for(1s);
    administer(AdminState::disabled);
    expect_end(1s);
}

TEST_F(Administration, a_client_that_does_not_read_keeps_no_disabled_backend) {
    world.network.shape.pipe_bytes = 256;
    TestClient deaf(world, "198.51.100.8:50000");
    ASSERT_TRUE(deaf.log_in());
    deaf.stop_reading();
    for (int i = 0; i < 100; ++i) deaf.send("PWD");
    world.loop.run_for(1s);
    EXPECT_EQ(world.seats_taken(), 1);
    administer(AdminState::disabled);
    world.loop.run_for(1s);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(Administration, disabling_says_nothing_of_the_health) {
    support::LogLines lines(log::Level::warning);
    log_in();
    world.backend(0).script.replies["SITE"] = "";
    client().send("SITE slow");
    world.loop.settle();
    administer(AdminState::disabled);
    expect_end(1s);
    EXPECT_EQ(lines.count("backend lost"), 0);
    EXPECT_FALSE(world.pool().status()[0].is_ejected);
}

// While a backend is looked for

TEST_F(Administration, a_login_on_a_disabled_backend_moves_to_the_next) {
    world.backend(0).script.replies["USER"] = "";
    EXPECT_EQ(client().code(), 220);
    client().send("USER anna");
    world.loop.run_for(1s);
    EXPECT_EQ(world.backend(0).sessions(), 1);
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(2s), 331);
    EXPECT_EQ(world.backend(1).sessions(), 1);
    EXPECT_EQ(client().ask("PASS secret"), 230);
}

TEST_F(Administration, a_backend_that_is_disabled_while_it_is_dialled_holds_nobody_up) {
    world.network.black_hole(world.backend(0).address());
    EXPECT_EQ(client().code(), 220);
    client().send("USER anna");
    world.loop.run_for(1s);
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(100ms), 331);
    EXPECT_EQ(world.backend(1).sessions(), 1);
    EXPECT_FALSE(world.pool().status()[0].is_ejected);
}

TEST_F(Administration, a_password_that_a_disabled_backend_does_not_answer_moves_to_the_next) {
    world.backend(0).script.replies["PASS"] = "";
    EXPECT_EQ(client().code(), 220);
    EXPECT_EQ(client().ask("USER anna"), 331);
    client().send("PASS secret");
    world.loop.run_for(1s);
    administer(AdminState::disabled);
    EXPECT_EQ(client().code(2s), 230);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST_F(Administration, a_seat_from_the_queue_is_not_taken_on_a_backend_that_drains) {
    for (auto& backend : world.pool_settings.backends) backend.max_sessions = 1;
    world.pool_settings.queue.length = 5;
    world.pool_settings.queue.timeout = 60s;
    auto first = world.pool().choose({}, {});
    auto second = world.pool().choose({}, {});
    ASSERT_EQ(first->backend().name, "alf1");
    EXPECT_EQ(client().code(), 220);
    client().send("USER anna");
    world.loop.run_for(1s);
    ASSERT_EQ(world.pool().waiting(), 1);
    *first = pool::Seat();
    EXPECT_EQ(world.pool().waiting(), 0);
    // The seat is given, and the session has not run yet.
    administer(AdminState::draining);
    world.loop.run_for(1s);
    EXPECT_EQ(world.backend(0).sessions_ever(), 0);
    EXPECT_EQ(world.pool().waiting(), 1);
    *second = pool::Seat();
    EXPECT_EQ(client().code(), 331);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST_F(Administration, those_in_the_queue_hear_at_once_that_nobody_is_left) {
    world.pool_settings.backends[0].max_sessions = 1;
    world.pool_settings.queue.length = 5;
    world.pool_settings.queue.timeout = 60s;
    administer(AdminState::disabled, "alf2");
    log_in();
    TestClient waiting(world, "198.51.100.8:50000");
    EXPECT_EQ(waiting.code(), 220);
    waiting.send("USER bert");
    world.loop.run_for(1s);
    EXPECT_EQ(world.pool().waiting(), 1);
    administer(AdminState::draining);
    EXPECT_EQ(waiting.reply(0s),
              "421 Service not available: all backends are drained or disabled.");
    EXPECT_EQ(client().ask("PWD"), 257);
}

TEST_F(Administration, a_pool_without_a_ready_backend_falls_back) {
    config::Pool spare;
    spare.name = "spare";
    spare.balance = balance::find_policy("round-robin");
    spare.backends = {world.pool_settings.backends[1]};
    world.pool_settings.backends.resize(1);
    world.pool_settings.fallback = "spare";
    administer(AdminState::draining);
    world.add_pool(spare);
    log_in();
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

// The whole balancer

TEST_F(Administration, a_drained_balancer_turns_new_clients_away_and_keeps_the_others) {
    log_in();
    TestClient before(world, "198.51.100.8:50000");
    EXPECT_EQ(before.code(), 220);
    world.ledger.admit_none(true);
    TestClient late(world, "198.51.100.9:50000");
    EXPECT_EQ(late.reply(0s),
              "421 Service not available: it takes no new sessions, try again later.");
    EXPECT_TRUE(late.is_ended());
    EXPECT_EQ(client().ask("PWD"), 257);
    EXPECT_EQ(before.ask("USER anna"), 331);
    EXPECT_EQ(before.ask("PASS secret"), 230);
    world.ledger.admit_none(false);
    TestClient again(world, "198.51.100.10:50000");
    EXPECT_TRUE(again.log_in());
}

// Passed through

class SealedAdministration : public Administration {
protected:
    SealedAdministration() {
        world.listener.mode = config::ListenerMode::passthrough;
        world.backend(0).script.tls = support::make_tls_server();
        world.backend(0).next_data_port = 40'000;
        world.pool_settings.backends.resize(1);
        world.pool_settings.backends[0].passive_ports = base::PortRange{40'000, 40'099};
    }
    void begin_upload() {
        ASSERT_TRUE(client().log_in_with_tls());
        data = client().open_data("EPSV");
        ASSERT_EQ(client().ask("STOR b"), 150);
        data->send("some");
        world.loop.run_for(1s);
    }
};

TEST_F(SealedAdministration, a_session_goes_on_while_its_backend_drains) {
    ASSERT_TRUE(client().log_in_with_tls());
    administer(AdminState::draining);
    world.loop.run_for(1s);
    EXPECT_EQ(client().ask("PWD"), 257);
}

TEST_F(SealedAdministration, a_session_without_data_ends) {
    ASSERT_TRUE(client().log_in_with_tls());
    administer(AdminState::draining_idle);
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST_F(SealedAdministration, a_session_ends_behind_its_data) {
    begin_upload();
    administer(AdminState::draining_idle);
    world.loop.run_for(10s);
    EXPECT_EQ(world.sessions(), 1);
    data->finish();
    EXPECT_EQ(client().code(), 226);
    EXPECT_TRUE(world.loop.run_until([&] { return world.sessions() == 0; }, 1s));
    EXPECT_TRUE(world.backend(0).stored.at(0).is_whole);
}

TEST_F(SealedAdministration, all_connections_to_a_disabled_backend_are_reset) {
    begin_upload();
    administer(AdminState::disabled);
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(data->end(), DataPeer::End::reset);
    world.loop.run_for(1s);
    ASSERT_EQ(world.backend(0).stored.size(), 1);
    EXPECT_FALSE(world.backend(0).stored[0].is_whole);
}

}  // namespace
}  // namespace ballast::session
