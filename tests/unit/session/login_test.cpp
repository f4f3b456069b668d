// SPDX-License-Identifier: Apache-2.0
#include "metrics/counters.h"
#include "support/log_lines.h"
#include "support/test_client.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <list>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

/// Logs in. Returns the code after PASS, or an earlier one that ended the login.
int log_in_code(World& world) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    if (const auto code = client.ask("USER anna"); code != 331) return code;
    return client.ask("PASS secret");
}

TEST(Login, reaches_a_backend_only_at_user) {
    World world;
    TestClient client(world);
    EXPECT_EQ(client.reply(), "220 FTP server ready.");
    EXPECT_EQ(client.ask("SYST"), 215);
    EXPECT_EQ(client.ask("FEAT"), 211);
    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(client.ask("PASV"), 530);
    EXPECT_EQ(client.ask("RETR a.txt"), 530);
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_TRUE(world.network.dials().empty());

    EXPECT_EQ(client.say("USER anna"), "331 Password please.");
    EXPECT_EQ(world.seats_taken(), 1);
    EXPECT_EQ(client.say("PASS secret"), "230 Welcome.");
    EXPECT_EQ(client.say("QUIT"), "221 Goodbye.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
    EXPECT_TRUE(world.backend(0).has_heard("QUIT"));
}

TEST(Login, uses_the_backends_in_turn) {
    World world;
    TestClient first(world);
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_TRUE(first.log_in());
    EXPECT_TRUE(second.log_in());
    EXPECT_EQ(world.backend(0).sessions(), 1);
    EXPECT_EQ(world.backend(1).sessions(), 1);
}

TEST(Login, without_a_password_is_complete_at_user) {
    World world(1);
    world.backend(0).script.replies["USER"] = "230 Come in.";
    const auto logins = metrics::total(metrics::Counter::logins);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anonymous"), 230);
    // Many clients send one anyway. The server decides, and it is not a second login.
    world.backend(0).script.replies["PASS"] = "230 Already logged in.";
    EXPECT_EQ(client.say("PASS x"), "230 Already logged in.");
    EXPECT_TRUE(world.backend(0).has_heard("PASS x"));
    EXPECT_EQ(metrics::total(metrics::Counter::logins) - logins, 1U);
    world.backend(0).script.replies["PASS"] = "530 Not again.";
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.say("PASS x"), "530 Not again.");
    EXPECT_EQ(client.say("NOOP"), "200 Fine.");
}

TEST(Login, with_202_at_user_may_still_send_a_password) {
    World world(1);
    world.backend(0).script.replies["USER"] = "202 No need.";
    world.backend(0).script.replies["PASS"] = "332 Account please.";
    world.backend(0).script.replies["ACCT"] = "230 Come in.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 202);
    world.loop.run_for(world.listener.login_timeout);
    EXPECT_EQ(client.ask("PASS secret"), 332);
    EXPECT_EQ(client.ask("ACCT a1"), 230);
    EXPECT_EQ(client.say("NOOP"), "200 Fine.");
}

TEST(Login, passes_an_account_on) {
    World world(1);
    world.backend(0).script.replies["PASS"] = "332 Account please.";
    world.backend(0).script.replies["ACCT"] = "230 Come in.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 332);
    EXPECT_EQ(client.ask("ACCT a1"), 230);
}

TEST(Login, goes_to_the_next_backend_when_the_first_refuses_to_connect) {
    World world;
    world.backend(0).close();
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.backend(1).sessions_ever(), 1);
}

TEST(Login, goes_to_the_next_backend_even_under_otherwise_refuse) {
    World world;
    world.pool_settings.stick.by = config::StickBy::user;
    world.pool_settings.stick.otherwise = config::StickOtherwise::refuse;
    world.backend(0).close();
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.backend(1).sessions_ever(), 2);
}

TEST(Login, goes_to_the_next_backend_when_connecting_takes_too_long) {
    World world;
    world.network.black_hole(world.backend(0).address());
    const auto before = world.loop.now();
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.connect_timeout);
}

TEST(Login, goes_to_the_next_backend_when_the_first_never_greets) {
    World world;
    world.backend(0).script.greeting = "";
    const auto before = world.loop.now();
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.loop.now() - before, world.pool_settings.greeting_timeout);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
    EXPECT_EQ(world.backend(0).sessions(), 0);
}

TEST(Login, goes_to_the_next_backend_when_the_greeting_is_421) {
    World world;
    world.backend(0).script.greeting = "421 Too many.";
    EXPECT_EQ(log_in_code(world), 230);
}

TEST(Login, goes_to_the_next_backend_when_the_greeting_is_not_ftp) {
    World world;
    world.backend(0).script.greeting = "SSH-2.0-OpenSSH_9.2";
    EXPECT_EQ(log_in_code(world), 230);
}

TEST(Login, waits_for_220_after_120) {
    World world(1);
    world.backend(0).script.greeting = "120 Soon.\r\n220 Now.";
    EXPECT_EQ(log_in_code(world), 230);
}

TEST(Login, goes_to_the_next_backend_when_user_is_answered_421) {
    World world;
    world.backend(0).script.replies["USER"] = "421 Too many users.";
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_TRUE(world.backend(0).has_heard("USER anna"));
    EXPECT_TRUE(world.backend(1).has_heard("USER anna"));
}

TEST(Login, passes_a_421_to_pass_on_and_counts_a_failed_login) {
    World world;
    world.pool_settings.observe.failures = 1;
    world.limits.failed_logins_per_user = 2;
    world.backend(0).script.replies["PASS"] = "421 Too many users.";
    world.backend(1).script.replies["PASS"] = "421 Too many users.";
    for (int i = 0; i < 2; ++i) EXPECT_EQ(log_in_code(world), 421);
    EXPECT_EQ(world.backend(0).sessions_ever() + world.backend(1).sessions_ever(), 2);
    EXPECT_EQ(log_in_code(world), 530);  // banned
    for (const auto& status : world.pool().status()) EXPECT_FALSE(status.is_ejected);
}

TEST(Login, counts_a_password_as_wrong_if_backends_close_at_it) {
    for (const std::size_t backends : {std::size_t{1}, std::size_t{3}}) {
        World world(backends);
        world.pool_settings.observe.failures = 1;
        world.limits.failed_logins_per_user = 2;
        for (int i = 0; i < 2; ++i) {
            TestClient client(world);
            EXPECT_EQ(client.code(), 220);
            EXPECT_EQ(client.ask("USER anna"), 331);
            for (std::size_t b = 0; b < backends; ++b)
                world.backend(b).script.replies["PASS"] = std::string(support::closes);
            EXPECT_EQ(client.ask("PASS guess"), backends == 1 ? 421 : 530);
        }
        std::size_t sessions = 0;
        for (std::size_t b = 0; b < backends; ++b) sessions += world.backend(b).sessions_ever();
        EXPECT_EQ(sessions, backends == 1 ? 2 : 4);
        EXPECT_EQ(log_in_code(world), 530);  // banned
        for (const auto& status : world.pool().status()) EXPECT_FALSE(status.is_ejected);
    }
}

TEST(Login, refuses_long_lines_before_a_backend_gets_them) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    const std::string too_long(508, 'x');
    EXPECT_EQ(client.say("USER " + too_long), "501 Syntax error in parameters.");
    EXPECT_EQ(client.ask("HOST " + too_long), 501);
    EXPECT_TRUE(world.network.dials().empty());
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("PASS " + too_long), 501);
    EXPECT_EQ(client.ask("ACCT " + too_long), 501);
    EXPECT_EQ(world.backend(0).heard, std::vector<std::string>{"USER anna"});
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST(Login, does_not_blame_a_backend_for_what_a_client_may_have_caused) {
    const auto ejected = [](const std::string& user, const std::string& reply) {
        World world;
        world.listener.login_bytes_max = 8192;
        world.pool_settings.balance = balance::find_policy("first");
        world.pool_settings.observe.failures = 1;
        world.pool_settings.reply_timeout = 10s;
        world.backend(0).script.replies["USER"] = reply;
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        EXPECT_EQ(client.ask("USER " + user), 331);
        return world.pool().status()[0].is_ejected;
    };
    EXPECT_FALSE(ejected("anna", std::string(support::closes)));
    EXPECT_FALSE(ejected(std::string(1100, 'x'), ""));
    EXPECT_FALSE(ejected("anna\xff", ""));
    EXPECT_TRUE(ejected("anna", ""));
}

TEST(Login, keeps_the_name_of_the_session_when_a_second_user_is_refused) {
    World world(1);
    support::LogLines lines(log::Level::info);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.backend(0).script.replies["USER"] = "530 No.";
    EXPECT_EQ(client.ask("USER mallory"), 530);
    EXPECT_EQ(client.ask("QUIT"), 221);
    EXPECT_EQ(lines.count("user=mallory"), 0);
    EXPECT_EQ(lines.count("login refused session=s1 client=198.51.100.7:50000 user=anna"), 1);
    EXPECT_EQ(lines.count("name=mallory"), 1);
}

TEST(Login, has_its_own_timeout_for_a_second_login) {
    World world(1);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    world.loop.run_for(world.listener.login_timeout + 1s);
    EXPECT_EQ(client.ask("USER bert"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST(Login, goes_to_the_next_backend_when_pass_gets_no_answer) {
    World world;
    world.pool_settings.reply_timeout = 10s;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    world.backend(0).script.replies["PASS"] = "";  // does not answer it
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(world.seats_taken(), 1);
}

TEST(Login, does_not_try_a_password_elsewhere) {
    World world;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.say("PASS guess"), "530 Wrong.");
    EXPECT_EQ(world.backend(1).sessions_ever(), 0);
}

TEST(Login, ends_the_session_after_three_wrong_passwords) {
    World world;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(client.ask("USER anna"), 331);
        EXPECT_EQ(client.ask("PASS guess"), 530);
    }
    EXPECT_EQ(client.code(), 421);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(Login, ends_with_421_and_a_reason_when_no_backend_is_available) {
    World world;
    world.backend(0).close();
    world.backend(1).script.greeting = "421 Full.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.say("USER anna"),
              "421 Service not available: every backend was tried in vain.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(Login, distinguishes_a_full_pool_from_a_dead_one) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.say("USER anna"), "421 Service not available: all backends are full.");

    EXPECT_EQ(first.ask("QUIT"), 221);
    TestClient third(world, "198.51.100.9:50000");
    EXPECT_TRUE(third.log_in());
}

TEST(Login, counts_a_failed_connection_as_a_failure_but_not_a_full_backend) {
    World world;
    world.pool_settings.observe.failures = 1;
    world.backend(0).script.greeting = "421 Full.";
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_FALSE(world.pool().status()[0].is_ejected);
    world.backend(0).close();
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_TRUE(world.pool().status()[0].is_ejected);
}

TEST(Login, does_not_blame_a_backend_for_our_own_shortage) {
    World world;
    world.pool_settings.observe.failures = 1;
    world.pool_settings.balance = balance::find_policy("first");
    const auto first = world.backend(0).address();
    // Other destinations may have source ports left.
    world.network.run_short(first, std::errc::address_not_available);
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.backend(1).sessions_ever(), 1);
    world.network.run_short(first, std::errc::too_many_files_open);
    world.network.run_short(world.backend(1).address(), std::errc::too_many_files_open);
    EXPECT_EQ(log_in_code(world), 421);
    world.network.recover();
    for (const auto& status : world.pool().status()) EXPECT_FALSE(status.is_ejected);
    EXPECT_EQ(log_in_code(world), 230);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
}

TEST(Login, may_return_to_a_backend_that_it_skipped_for_our_own_shortage) {
    World world;
    world.pool_settings.balance = balance::find_policy("first");
    world.network.run_short(world.backend(0).address(), std::errc::no_buffer_space);
    world.backend(1).script.replies["PASS"] = support::closes;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    world.network.recover();
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
}

TEST(Login, without_memory_ends_only_this_session) {
    World world(1);
    TestClient other(world);
    EXPECT_TRUE(other.log_in());
    world.network.run_out_of_memory(world.backend(0).address());
    EXPECT_EQ(log_in_code(world), 421);
    EXPECT_EQ(world.sessions(), 1);
    EXPECT_EQ(world.seats_taken(), 1);
    EXPECT_EQ(other.ask("NOOP"), 200);
    world.network.recover();
    EXPECT_EQ(log_in_code(world), 230);
}

TEST(Login, counts_a_backend_that_greets_but_does_not_answer_logins_as_failing) {
    for (const std::string verb : {"USER", "PASS"}) {
        World world;
        world.pool_settings.balance = balance::find_policy("first");
        world.pool_settings.reply_timeout = 10s;
        world.backend(0).script.replies[verb] = "";  // does not answer it
        for (int i = 0; i < 5; ++i) EXPECT_EQ(log_in_code(world), 230);
        EXPECT_TRUE(world.pool().status()[0].is_ejected) << verb;
        EXPECT_EQ(world.backend(0).sessions_ever(), world.pool_settings.observe.failures) << verb;
    }
}

TEST(Login, counts_a_refused_password_as_a_success_of_the_backend) {
    World world;
    world.pool_settings.balance = balance::find_policy("first");
    world.pool_settings.observe.failures = 2;
    const auto refused = [&] {
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        EXPECT_EQ(client.ask("USER anna"), 331);
        EXPECT_EQ(client.ask("PASS guess"), 530);
    };
    for (int i = 0; i < 3; ++i) {
        world.backend(0).close();
        EXPECT_EQ(log_in_code(world), 230);
        world.backend(0).open();
        refused();
    }
    EXPECT_FALSE(world.pool().status()[0].is_ejected);
}

TEST(Login, takes_pipelined_commands_one_at_a_time) {
    World world(1);
    TestClient client(world);
    client.send_bytes("USER anna\r\nPASS secret\r\nTYPE I\r\nPWD\r\nQUIT\r\n");
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.code(), 331);
    EXPECT_EQ(client.code(), 230);
    EXPECT_EQ(client.code(), 200);
    EXPECT_EQ(client.code(), 257);
    EXPECT_EQ(client.code(), 221);
    // The fake takes the bytes of one read for one command.
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"USER anna", "PASS secret", "TYPE I", "PWD", "QUIT"}));
}

TEST(Login, repeats_to_the_backend_what_the_client_said_before) {
    World world(1);
    world.backend(0).script.features += " HOST\r\n";
    world.survey(0);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("CLNT tester"), 200);
    EXPECT_EQ(client.ask("OPTS UTF8 ON"), 200);
    EXPECT_EQ(client.ask("OPTS utf8 off"), 200);
    EXPECT_EQ(client.ask("HOST ftp.example.org"), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("HOST other.example.org"), 503);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"HOST ftp.example.org", "USER anna", "PASS secret",
                                        "CLNT tester", "OPTS utf8 off"}));
}

TEST(Login, ends_if_it_takes_too_long) {
    World world;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    const auto before = world.loop.now();
    EXPECT_EQ(client.reply(), "421 Login took too long.");
    EXPECT_EQ(world.loop.now() - before, world.listener.login_timeout);
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(Login, also_ends_for_a_client_that_keeps_sending_commands) {
    World world;
    world.listener.command_rate = 10;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    const auto before = world.loop.now();
    std::string many;
    for (int i = 0; i < 5000; ++i) many += "NOOP\r\n";
    client.send_bytes(many);
    int code = 200;
    while (code == 200) code = client.code();
    EXPECT_EQ(code, 421);
    EXPECT_LE(world.loop.now() - before, world.listener.login_timeout + 2s);
}

TEST(Login, is_refused_at_PASS_if_a_ban_has_begun_since_USER) {
    World world(1);
    world.limits.failed_logins_per_user = 2;
    world.backend(0).script.replies["PASS"] = "530 No.";
    std::list<TestClient> clients;
    for (int i = 0; i < 5; ++i) {
        auto& client = clients.emplace_back(world, fmt::format("198.51.100.7:{}", 50'000 + i));
        EXPECT_EQ(client.code(), 220);
        EXPECT_EQ(client.ask("USER anna"), 331);
    }
    for (auto& client : clients) EXPECT_EQ(client.ask("PASS guess"), 530);
    EXPECT_EQ(std::ranges::count(world.backend(0).heard, "PASS guess"), 2);
}

TEST(Login, gives_its_seat_back_if_the_client_leaves_meanwhile) {
    World world;
    world.backend(0).script.greeting = "";
    {
        TestClient client(world);
        EXPECT_EQ(client.code(), 220);
        client.send("USER anna");
        world.loop.settle();
        EXPECT_EQ(world.seats_taken(), 1);
        client.vanish();
    }
    world.loop.run_for(1min);
    EXPECT_EQ(world.sessions(), 0);
    EXPECT_EQ(world.seats_taken(), 0);
}

}  // namespace
}  // namespace ballast::session
