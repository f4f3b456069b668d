// SPDX-License-Identifier: Apache-2.0
// Clients without an account that log in again and again, or never finish. Their cost for the
// backends and the other clients is limited.
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

TEST(LoginStorm, a_repeated_user_is_said_on_the_connection_that_is_there) {
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

TEST(LoginStorm, a_refused_password_costs_no_new_connection) {
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

TEST(LoginStorm, a_user_whose_name_chooses_the_backend_is_placed_again) {
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

TEST(LoginStorm, a_backend_that_refuses_a_second_user_is_connected_again_and_remembered) {
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

TEST(LoginStorm, a_user_whose_host_was_refused_is_said_behind_host_again) {
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

TEST(LoginStorm, a_user_said_again_at_a_fallback_stays_that_pool_s) {
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
    // Its silence counts in its own pool.
    EXPECT_TRUE(world.pool().status()[0].is_ejected);
}

TEST(LoginStorm, a_session_may_say_user_so_often_without_logging_in) {
    World world(1);
    world.listener.login_attempts = 4;
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(client.say("USER anna"), "421 Too many login attempts.");
    EXPECT_TRUE(client.is_ended());
    EXPECT_EQ(world.seats_taken(), 0);
}

TEST(LoginStorm, rein_and_user_in_turns_are_bounded_as_well) {
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

TEST(LoginStorm, an_address_begins_so_many_connections_to_backends_a_second) {
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

TEST(LoginStorm, log_ins_that_succeed_do_not_wait_but_one_session_s_further_ones_do) {
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

TEST(LoginStorm, seats_of_those_who_never_say_pass_go_to_one_who_logs_in) {
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

TEST(LoginStorm, talking_or_not_reading_keeps_no_seat) {
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

TEST(LoginStorm, a_seat_with_what_an_earlier_log_in_has_set_is_not_on_loan) {
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

TEST(LoginStorm, a_second_log_in_is_tried_nowhere_else_when_its_backend_goes_away) {
    World world;
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("CWD below"), 200);
    EXPECT_EQ(client.ask("USER bert"), 331);
    world.backend(0).script.replies["PASS"] = std::string(support::closes);
    EXPECT_EQ(client.ask("PASS secret"), 421);
    EXPECT_FALSE(world.backend(1).has_heard("USER bert"));
}

TEST(LoginStorm, a_seat_that_has_been_logged_in_on_is_nobody_else_s) {
    World world(1);
    world.pool_settings.backends[0].max_sessions = 1;
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    TestClient second(world, "198.51.100.8:50000");
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.say("USER bert"), "421 Service not available: all backends are full.");
    EXPECT_EQ(first.ask("NOOP"), 200);
}

TEST(LoginStorm, a_seat_after_a_refused_password_is_on_loan_too) {
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

TEST(LoginStorm, one_who_waits_in_the_queue_gets_a_seat_that_comes_on_loan_meanwhile) {
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

TEST(LoginStorm, those_who_hoard_make_room_and_not_one_who_is_about_to_log_in) {
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

TEST(LoginStorm, places_of_a_listener_go_to_one_who_comes_while_others_do_not_log_in) {
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

TEST(LoginStorm, a_client_that_does_not_read_gives_its_place_up_at_once) {
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

// Backends that lead back

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

TEST(LoginStorm, a_session_from_this_process_is_known_at_user_if_not_before) {
    World world(1);
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    world.network.set_own(base::Address::parse("198.51.100.7:50000").value());
    EXPECT_EQ(client.say("USER anna"), "421 Service not available: the server connects to itself.");
    EXPECT_EQ(world.backend(0).sessions_ever(), 0);
}

// The log

TEST(LoginStorm, a_thousand_refused_connections_are_a_line_or_two_with_their_number) {
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

TEST(LoginStorm, refused_commands_of_one_session_are_not_a_line_each) {
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
