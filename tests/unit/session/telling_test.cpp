// SPDX-License-Identifier: Apache-2.0
// What the log says about sessions, at its default level unless a test says otherwise.
#include "metrics/counters.h"
#include "support/log_lines.h"
#include "support/test_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

class Telling : public testing::Test {
protected:
    /// How many lines have this message and contain this text.
    std::size_t lines(std::string_view message, std::string_view part) {
        const auto all = log.text();
        std::size_t found = 0;
        for (std::size_t begin = 0; begin < all.size();) {
            const auto end = std::min(all.find('\n', begin), all.size());
            const auto line = std::string_view(all).substr(begin, end - begin);
            found += line.contains(message) && line.contains(part) ? 1 : 0;
            begin = end + 1;
        }
        if (found == 0) ADD_FAILURE() << all;
        return found;
    }
    /// A client that has sent USER and reads the reply to PASS.
    void say_password(const std::string& password, const std::string& reply) {
        world.backend(0).script.replies["PASS"] = reply;
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        EXPECT_EQ(client.ask("USER anna"), 331);
        EXPECT_EQ(client.ask("PASS " + password), 530);
        EXPECT_EQ(client.ask("QUIT"), 221);
    }
    void download(TestClient& client, const std::string& file, int code) {
        const auto data = client.open_data("EPSV");
        ASSERT_NE(data, nullptr);
        client.send("RETR " + file);
        while (client.code() != code) ASSERT_FALSE(client.is_ended());
    }

    World world{1};
    support::LogLines log{log::Level::info};
};

TEST_F(Telling, says_why_a_session_ended_and_what_it_did) {
    world.backend(0).files["a"] = std::string(1000, 'a');
    world.backend(0).files["b"] = std::string(234, 'b');
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    download(client, "a", 226);
    download(client, "b", 226);
    world.loop.run_for(90s);
    EXPECT_EQ(client.ask("QUIT"), 221);
    const auto name = world.pool_settings.backends[0].name;
    EXPECT_EQ(lines("session ended",
                    "user=anna phase=closing reason=\"the client said QUIT\" "
                    "backend=" +
                        name + " seconds=90"),
              1);
}

TEST_F(Telling, counts_bytes_and_transfers_of_a_session) {
    world.backend(0).files["a"] = std::string(1000, 'a');
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    download(client, "a", 226);
    download(client, "a", 226);
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_EQ(lines("session ended", "bytes=2000 transfers=2"), 1);
}

TEST_F(Telling, gives_other_reasons_for_a_sessions_end) {
    const auto end = [&](auto&& act) {
        TestClient client(world);
        EXPECT_TRUE(client.log_in());
        act(client);
        world.loop.settle();
        EXPECT_EQ(world.sessions(), 0U);
    };
    end([](TestClient& client) { client.half_close(); });
    end([&](TestClient&) { world.loop.run_for(world.listener.idle_timeout + 1s); });
    end([&](TestClient&) { world.backend(0).say_to_all("421 Maintenance."); });
    end([&](TestClient&) { world.backend(0).kill(); });
    const auto text = log.text();
    for (const auto* const reason :
         {"the client closed the connection", "Idle for too long.",
          "the backend ended it: 421 Maintenance.", "the backend was lost: "})
        EXPECT_TRUE(text.contains(fmt::format("reason=\"{}", reason))) << reason << text;
    EXPECT_FALSE(text.contains("session is ended"));
}

TEST_F(Telling, writes_a_line_for_each_transfer) {
    world.backend(0).files["a"] = "content";
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    // More lines than `repeats_per_second` allows for one message.
    for (int i = 0; i < 120; ++i) download(client, "a", 226);
    EXPECT_EQ(lines("info    transfer ended", "verb=RETR file=a bytes=7"), 120);
}

TEST_F(Telling, writes_a_line_with_the_reason_for_a_refused_transfer) {
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    download(client, "missing", 550);
    EXPECT_EQ(client.ask("PORT 10,0,0,1,200,1"), 501);
    EXPECT_EQ(lines("transfer ended", "result=refused"), 1);
    EXPECT_EQ(lines("command refused", "verb=PORT"), 1);
}

TEST_F(Telling, limits_the_lines_for_refused_transfers) {
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    const auto data = client.open_data("EPSV");
    constexpr std::size_t often = 500;
    // The second and all later ones have no data address.
    for (std::size_t i = 0; i < often; ++i) (void)client.ask("RETR a");
    EXPECT_LT(lines("transfer ended", "result=refused"), often);
}

TEST_F(Telling, writes_a_line_for_a_transfer_above_the_limit) {
    world.limits.transfers = 1;
    const auto held = world.ledger.begin_transfer();
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("RETR a"), 425);
    EXPECT_EQ(lines("a limit is reached", "key=limits.transfers value=1 cure="), 1);
    EXPECT_EQ(lines("command refused", "line=\"RETR a\" code=425"), 1);
}

TEST_F(Telling, shows_the_servers_refusal_of_a_login_without_the_password) {
    say_password("hunter2", "530 Login incorrect, account locked: Hunter2.");
    EXPECT_EQ(lines("login refused",
                    "name=anna code=530 text=\"Login incorrect, account locked: ***\" "
                    "reason=\"the backend\""),
              1);
}

TEST_F(Telling, writes_a_line_for_a_user_that_ballast_refuses) {
    world.listener.tls.emplace();
    world.listener.tls->require = config::TlsRequire::login;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 530);
    EXPECT_EQ(lines("login refused", "name=anna code=530"), 1);
}

TEST_F(Telling, names_a_rejecting_route_which_bans_only_if_configured) {
    world.limits.failed_logins_per_address = 2;
    config::Route route;
    route.where.key = "listener.ftp.route[0]";
    route.match.user = {"anna"};
    route.reject = "530 Not you.";
    world.listener.routes = {route};
    const auto try_twice = [&] {
        const auto before = metrics::total(metrics::Counter::bans_begun);
        const auto unrouted = metrics::total(metrics::Counter::sessions_without_route);
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(client.say("USER anna"), "530 Not you.");
        EXPECT_EQ(metrics::total(metrics::Counter::sessions_without_route), unrouted);
        return metrics::total(metrics::Counter::bans_begun) - before;
    };
    EXPECT_EQ(try_twice(), 0U);
    world.listener.routes[0].counts_as_failure = true;
    EXPECT_EQ(try_twice(), 1U);
    EXPECT_EQ(lines("login refused", "reason=\"rejected by listener.ftp.route[0]\""), 4);
}

TEST_F(Telling, shows_a_ban_with_its_length_and_the_setting) {
    world.limits.failed_logins_per_user = 1;
    world.limits.ban_time = 90s;
    say_password("wrong", "530 No.");
    EXPECT_EQ(lines("banned for failed logins",
                    "of=\"user at this address\" name=anna seconds=90 "
                    "key=limits.failed_logins_per_user value=1 cure="),
              1);
}

TEST_F(Telling, shows_limits_of_a_listener_with_their_keys) {
    world.listener.where.key = "listener.ftp";
    world.listener.login_attempts = 1;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask(std::string(10'000, 'x')), 500);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("USER anna"), 421);
    EXPECT_EQ(lines("a limit is reached", "key=listener.ftp.command_bytes_max value=8192 cure="),
              1);
    EXPECT_EQ(lines("a limit is reached", "key=listener.ftp.login_attempts value=1 cure="), 1);
}

TEST_F(Telling, shows_a_full_pool_with_its_key) {
    world.pool_settings.where.key = "pool.files";
    world.pool_settings.backends[0].max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.ask("USER bert"), 421);
    EXPECT_EQ(lines("no backend for a session", "key=pool.files.backend.max_sessions value=1"), 1);
}

TEST_F(Telling, shows_a_tls_handshake_on_the_plain_port) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    client.send_bytes(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
    EXPECT_EQ(client.code(), 421);
    EXPECT_EQ(world.sessions(), 0U);
    EXPECT_EQ(lines("a client began TLS where plain text comes first", "listener="), 1);
    EXPECT_EQ(lines("session ended", "reason=\"TLS begins with AUTH TLS here"), 1);
}

TEST(TellingDebug, shows_the_dialog_with_the_backend_both_ways_without_passwords) {
    World world(1);
    support::LogLines log(log::Level::debug);
    world.backend(0).script.replies["PASS"] = "230 Welcome, hunter2.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS hunter2"), 230);
    EXPECT_EQ(client.ask("SYST"), 215);
    const auto text = log.text();
    for (const auto* const part : {
             "to the backend session=s1 backend=",
             "line=\"USER anna\"",
             "line=\"PASS ***\"",
             "line=\"230 ***\"",
             "line=SYST",
             "line=\"215 ",
         })
        EXPECT_TRUE(text.contains(part)) << part << text;
    EXPECT_FALSE(text.contains("hunter2"));
}

}  // namespace
}  // namespace ballast::session
