// SPDX-License-Identifier: Apache-2.0
// Clients without an account that try to log in all the time, or never finish. Their load on
// backends and on other clients is limited.
#include "metrics/counters.h"
#include "support/log_lines.h"
#include "support/test_client.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <list>
#include <string>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

TEST(LoginStorm, a_repeated_user_goes_to_the_existing_connection) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    for (const std::string user : {"anna", "bert", "bert"})
        EXPECT_EQ(client.ask("USER " + user), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"USER anna", "USER bert", "USER bert", "PASS secret"}));
}

TEST(LoginStorm, a_refused_password_needs_no_new_connection) {
    World world(1);
    world.backend(0).script.replies["PASS"] = "530 No.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(client.ask("USER anna"), 331);
        EXPECT_EQ(client.ask("PASS guess"), 530);
    }
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
}

TEST(LoginStorm, a_user_is_placed_again_if_the_name_chooses_the_backend) {
    World world;
    world.pool_settings.balance = balance::find_policy("round-robin");
    world.pool_settings.stick.by = config::StickBy::user;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("USER bert"), 331);
    EXPECT_TRUE(world.backend(0).has_heard("USER anna"));
    EXPECT_TRUE(world.backend(1).has_heard("USER bert"));
    EXPECT_EQ(world.seats_taken(), 1);
}

TEST(LoginStorm, a_backend_that_refuses_a_second_user_gets_a_new_connection_and_is_remembered) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    world.backend(0).script.replies["USER"] = "503 Already.";
    client.send("USER bert");
    world.loop.settle();
    EXPECT_EQ(world.backend(0).sessions_ever(), 2);
    EXPECT_EQ(client.code(), 503);  // from the new connection
    world.backend(0).script.replies.clear();
    EXPECT_EQ(client.ask("USER carl"), 331);
    EXPECT_EQ(world.backend(0).sessions_ever(), 3);
    EXPECT_EQ(std::ranges::count(world.backend(0).heard, "USER bert"), 2);
    EXPECT_EQ(std::ranges::count(world.backend(0).heard, "USER carl"), 1);
}

TEST(LoginStorm, a_421_to_a_second_user_does_not_count_against_the_backend) {
    World world;
    world.pool_settings.observe.failures = 1;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    world.backend(0).script.replies["USER"] = "421 Enough.";
    EXPECT_EQ(client.ask("USER bert"), 331);
    EXPECT_TRUE(world.backend(1).has_heard("USER bert"));
    EXPECT_FALSE(world.pool().status()[0].is_ejected);
}

TEST(LoginStorm, a_new_user_comes_after_host_again_if_host_was_refused) {
    World world(1);
    world.backend(0).script.features += " HOST\r\n";
    world.survey(0);
    world.backend(0).script.replies["HOST"] = "504 Unknown here.";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("HOST b.example"), 220);
    for (int i = 0; i < 2; ++i) EXPECT_EQ(client.ask("USER anna"), 504);
    EXPECT_EQ(world.backend(0).heard,
              (std::vector<std::string>{"HOST b.example", "HOST b.example"}));
    EXPECT_EQ(world.seats_taken(), 1);
}

TEST(LoginStorm, a_repeated_user_at_a_fallback_stays_in_that_pool) {
    World world;
    config::Pool primary;
    primary.name = "primary";
    primary.fallback = world.pool_settings.name;
    world.pool_settings.balance = balance::find_policy("first");
    world.pool_settings.reply_timeout = 10s;
    world.pool_settings.observe.failures = 1;
    (void)world.pool();
    (void)world.add_pool(primary);
    world.listener.pool = "primary";
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
    world.backend(0).script.replies["PASS"] = "";
    EXPECT_EQ(client.ask("PASS secret"), 230);
    // Its silence counts against it in its own pool.
    EXPECT_TRUE(world.pool().status()[0].is_ejected);
}

TEST(LoginStorm, the_number_of_user_commands_without_login_is_limited) {
    World world(1);
    world.listener.login_attempts = 4;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.say("USER anna"), "421 Too many login attempts.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(LoginStorm, alternating_rein_and_user_is_limited_too) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    int code = 331;
    for (int i = 0; i < 100 && code == 331; ++i) {
        EXPECT_EQ(client.ask("REIN"), 220);
        code = client.ask("USER anna");
    }
    EXPECT_EQ(code, 421);
    EXPECT_EQ(world.backend(0).sessions_ever(), world.listener.login_attempts);
}

TEST(LoginStorm, the_backend_connections_per_second_of_an_address_are_limited) {
    World world(1);
    world.limits.login_rate_per_address = 50;
    const auto began = world.loop.now();
    std::list<TestClient> storm;
    for (int i = 0; i < 150; ++i)
        storm.emplace_back(world, fmt::format("198.51.100.7:{}", 50'000 + i)).send("USER anna");
    world.loop.settle();
    EXPECT_EQ(world.backend(0).sessions_ever(), 50);
    // Another address does not wait for these.
    TestClient other(world, "198.51.100.8:50000");
    EXPECT_TRUE(other.log_in());
    EXPECT_LT(world.loop.now() - began, 100ms);
    world.loop.run_for(1s);
    EXPECT_NEAR(static_cast<double>(world.backend(0).sessions_ever()), 101, 3);
    for (auto& each : storm) EXPECT_EQ(each.code(), 220);
    for (auto& each : storm) EXPECT_EQ(each.code(), 331);
}

TEST(LoginStorm, successful_logins_do_not_wait_unless_a_session_repeats_them) {
    World world(1);
    const auto before = metrics::total(metrics::Counter::limit_login_rate_per_address);
    for (int i = 0; i < 120; ++i) {
        TestClient client(world);
        EXPECT_TRUE(client.log_in());
    }
    EXPECT_EQ(metrics::total(metrics::Counter::limit_login_rate_per_address), before);
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    for (int i = 0; i < 60; ++i) {
        EXPECT_EQ(client.ask("REIN"), 220);
        EXPECT_EQ(client.ask("USER anna"), 331);
        EXPECT_EQ(client.ask("PASS secret"), 230);
    }
    EXPECT_GT(metrics::total(metrics::Counter::limit_login_rate_per_address), before);
}

// Seats on loan

TEST(LoginStorm, a_client_that_logs_in_gets_the_seat_of_one_that_never_says_pass) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 3;
    std::list<TestClient> idle;
    for (int i = 0; i < 3; ++i) {
        auto& each = idle.emplace_back(world, fmt::format("198.51.100.7:{}", 50'000 + i));
        EXPECT_EQ(each.code(), 220);
        EXPECT_EQ(each.ask("USER anna"), 331);
    }
    EXPECT_EQ(world.seats_taken(), 3);
    const auto began = world.loop.now();
    TestClient client(world, "198.51.100.8:50000");
    EXPECT_TRUE(client.log_in());
    EXPECT_LT(world.loop.now() - began, 1s);
    EXPECT_EQ(world.seats_taken(), 3);
    // The client that lost its seat does not notice, and logs in on another.
    EXPECT_EQ(idle.front().ask("PASS secret"), 230);
    EXPECT_EQ(world.seats_taken(), 3);
    EXPECT_EQ(world.backend(0).sessions(), 3);
}

TEST(LoginStorm, a_client_cannot_keep_its_seat_by_talking_or_not_reading) {
    for (const bool reads : {true, false}) {
        World world(1);
        world.pool_settings.backends[0].max_sessions = 1;
        world.pool_settings.queue.length = 5;
        TestClient hoarder(world);
        EXPECT_EQ(hoarder.code(), 220);
        EXPECT_EQ(hoarder.ask("USER anna"), 331);
        if (!reads) hoarder.stop_reading();
        for (int i = 0; i < 2000; ++i) hoarder.send("FEAT");
        world.loop.settle();
        TestClient client(world, "198.51.100.8:50000");
        EXPECT_EQ(client.code(), 220);
        client.send("USER bert");
        for (int i = 0; i < 20 && !client.has_reply(); ++i) {
            hoarder.send("NOOP");
            world.loop.run_for(100ms);
            world.pool().tick();
        }
        EXPECT_TRUE(client.has_reply()) << (reads ? "reads" : "does not read");
        EXPECT_EQ(client.code(), 331);
    }
}

TEST(LoginStorm, a_seat_with_settings_of_an_earlier_login_is_not_on_loan) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    EXPECT_EQ(first.ask("CWD below"), 200);
    EXPECT_EQ(first.ask("USER bert"), 331);
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.ask("USER carl"), 421);
    EXPECT_EQ(first.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
}

TEST(LoginStorm, a_second_login_is_not_tried_elsewhere_if_its_backend_goes_away) {
    World world;
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("CWD below"), 200);
    EXPECT_EQ(client.ask("USER bert"), 331);
    world.backend(0).script.replies["PASS"] = std::string(support::closes);
    EXPECT_EQ(client.ask("PASS secret"), 421);
    EXPECT_FALSE(world.backend(1).has_heard("USER bert"));
}

TEST(LoginStorm, a_seat_is_not_on_loan_once_its_client_has_logged_in) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.say("USER bert"), "421 Service not available: all backends are full.");
    EXPECT_EQ(first.ask("NOOP"), 200);
}

TEST(LoginStorm, a_seat_is_on_loan_again_after_a_refused_password) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    world.backend(0).script.replies["PASS"] = "530 No.";
    TestClient first(world);
    EXPECT_EQ(first.code(), 220);
    EXPECT_EQ(first.ask("USER anna"), 331);
    EXPECT_EQ(first.ask("PASS guess"), 530);
    world.backend(0).script.replies.clear();
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_TRUE(second.log_in());
}

TEST(LoginStorm, a_queued_client_gets_a_seat_that_goes_on_loan_meanwhile) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    world.pool_settings.queue.length = 5;
    world.backend(0).script.replies["USER"] = "331 Password please.";
    world.backend(0).script.reply_delay = 2s;
    TestClient first(world);
    EXPECT_EQ(first.code(), 220);
    first.send("USER anna");
    world.loop.run_for(1s);  // the backend has not answered: nothing is on loan
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    second.send("USER bert");
    EXPECT_EQ(first.code(), 331);
    world.pool().tick();  // the first client has a moment for its password
    EXPECT_FALSE(second.has_reply());
    world.loop.run_for(1s);
    world.pool().tick();
    EXPECT_EQ(second.code(10s), 331);
    EXPECT_EQ(world.seats_taken(), 1);
}

TEST(LoginStorm, the_address_with_most_loans_makes_room_first) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 3;
    TestClient slow(world, "198.51.100.8:50000");
    EXPECT_EQ(slow.code(), 220);
    EXPECT_EQ(slow.ask("USER anna"), 331);
    std::list<TestClient> hoard;
    for (int i = 0; i < 2; ++i) {
        auto& each = hoard.emplace_back(world, fmt::format("198.51.100.7:{}", 50'000 + i));
        EXPECT_EQ(each.code(), 220);
        EXPECT_EQ(each.ask("USER bert"), 331);
    }
    TestClient client(world, "198.51.100.9:50000");
    EXPECT_TRUE(client.log_in());
    const auto connections = world.backend(0).sessions_ever();
    EXPECT_EQ(slow.ask("PASS secret"), 230);
    EXPECT_EQ(world.backend(0).sessions_ever(), connections);
}

TEST(LoginStorm, a_newcomer_gets_the_place_of_a_session_that_does_not_log_in) {
    World world(1);
    world.listener.max_sessions = 4;
    std::list<TestClient> idle;
    for (int i = 0; i < 4; ++i) {
        auto& each = idle.emplace_back(world, fmt::format("198.51.100.7:{}", 50'000 + i));
        EXPECT_EQ(each.code(), 220);
    }
    TestClient client(world, "198.51.100.8:50000");
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(idle.front().reply(), "421 Try again later: too many sessions.");
    EXPECT_TRUE(idle.front().is_ended());
    EXPECT_EQ(idle.back().ask("NOOP"), 200);
}

TEST(LoginStorm, a_client_that_does_not_read_loses_its_place_at_once) {
    World world(1);
    world.listener.max_sessions = 1;
    TestClient hoarder(world);
    EXPECT_EQ(hoarder.code(), 220);
    hoarder.stop_reading();
    for (int i = 0; i < 2000; ++i) hoarder.send("FEAT");
    world.loop.settle();
    const auto began = world.loop.now();
    TestClient client(world, "198.51.100.8:50000");
    EXPECT_TRUE(client.log_in());
    world.loop.settle();
    EXPECT_EQ(world.sessions(), 1);
    EXPECT_LT(world.loop.now() - began, 1s);
}

TEST(LoginStorm, a_place_after_rein_is_on_loan_again) {
    World world(1);
    world.listener.max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    EXPECT_EQ(TestClient(world, "198.51.100.8:50000").code(), 421);
    EXPECT_EQ(first.ask("REIN"), 220);
    TestClient second(world, "198.51.100.8:50001");
    EXPECT_TRUE(second.log_in());
    EXPECT_EQ(first.code(), 421);
}

// Backends that lead back to Ballast

TEST(LoginStorm, a_session_from_this_process_itself_is_refused) {
    World world(1);
    world.network.set_own(base::Address::parse("198.51.100.7:50000").value());
    TestClient client(world);
    EXPECT_EQ(client.reply(), "421 Service not available: the server connects to itself.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.backend(0).sessions_ever(), 0);
    TestClient other(world, "198.51.100.7:50001");
    EXPECT_TRUE(other.log_in());
}

TEST(LoginStorm, a_session_from_this_process_is_recognised_at_user_at_the_latest) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    world.network.set_own(base::Address::parse("198.51.100.7:50000").value());
    EXPECT_EQ(client.say("USER anna"), "421 Service not available: the server connects to itself.");
    EXPECT_EQ(world.backend(0).sessions_ever(), 0);
}

// The log

TEST(LoginStorm, a_thousand_refused_connections_make_one_or_two_lines_with_their_number) {
    World world(1);
    world.listener.deny_from = {base::Subnet::parse("198.51.100.0/24").value()};
    support::LogLines lines(log::Level::info);
    for (int i = 0; i < 1000; ++i)
        EXPECT_EQ(TestClient(world, fmt::format("198.51.100.7:{}", 40'000 + i)).code(), 421);
    const auto text = lines.text();
    const auto count = [&](std::string_view part) {
        std::size_t found = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++found;
        return found;
    };
    EXPECT_GE(count("not admitted"), 2U) << text;
    EXPECT_LE(count("not admitted"), 40U);
    EXPECT_GE(count("lines were left out"), 1U);
}

TEST(LoginStorm, refused_commands_of_one_session_do_not_make_a_line_each) {
    World world(1);
    world.listener.read_only = true;
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    support::LogLines lines(log::Level::info);
    for (int i = 0; i < 2000; ++i) EXPECT_EQ(client.ask("DELE a"), 550);
    EXPECT_LE(lines.count("command refused"), 1000U);
}

}  // namespace
}  // namespace ballast::session
