// SPDX-License-Identifier: Apache-2.0
// What the stories of whole sessions tell.
#include "events/bus.h"
#include "session/story.h"
#include "session/story_text.h"
#include "support/test_client.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

class Explaining : public testing::Test {
protected:
    /// Of the session, running or ended.
    std::string bytes_of(const std::string& id) {
        if (const auto* const session = world.directory().find(id)) return session->story();
        const auto ended = world.stories.find(id);
        return ended ? ended->bytes : std::string();
    }
    std::vector<Fact> facts(const std::string& id) {
        const auto bytes = bytes_of(id);
        std::vector<Fact> all;
        StoryReader reader(bytes);
        while (const auto entry = reader.next()) all.push_back(entry->fact);
        return all;
    }
    /// The sentences of this fact.
    std::vector<std::string> told(const std::string& id, Fact fact) {
        const auto bytes = bytes_of(id);
        std::vector<std::string> all;
        StoryReader reader(bytes);
        while (const auto entry = reader.next(set_of({fact}))) all.push_back(sentence_of(*entry));
        return all;
    }
    std::string all_of(const std::string& id) {
        std::string text;
        const auto bytes = bytes_of(id);
        StoryReader reader(bytes);
        while (const auto entry = reader.next()) text += sentence_of(*entry) + '\n';
        return text;
    }
    void transfer(TestClient& client, const std::string& line, int code) {
        const auto data = client.open_data("EPSV");
        ASSERT_NE(data, nullptr);
        client.send(line);
        while (client.code() != code) ASSERT_FALSE(client.is_ended());
    }

    World world{2};
};

TEST_F(Explaining, begins_with_the_client_and_goes_on_to_the_login) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const std::vector<Fact> expected = {
        Fact::accepted,  Fact::routed,  Fact::candidate, Fact::candidate, Fact::chosen,
        Fact::connected, Fact::command, Fact::logged_in, Fact::command,   Fact::now};
    EXPECT_EQ(facts("s1"), expected) << all_of("s1");
    EXPECT_EQ(told("s1", Fact::accepted).at(0),
              "Client 198.51.100.7:50000 connected to listener ftp at 192.0.2.1:21. Worker 0 "
              "serves it.");
    EXPECT_EQ(told("s1", Fact::routed).at(0),
              "The route leads to pool files: the listener's own pool, user anna.");
    EXPECT_EQ(told("s1", Fact::chosen).at(0),
              "Backend alf1 of pool files was chosen: policy round-robin.");
    EXPECT_TRUE(told("s1", Fact::logged_in)
                    .at(0)
                    .starts_with("User anna logged in at backend alf1 of pool files."));
    EXPECT_TRUE(told("s1", Fact::now).at(0).starts_with("Now: idle, for "));
}

TEST_F(Explaining, costs_little_for_an_idle_session) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_LE(world.stories.size().bytes_running + sizeof(Story), 1200U) << all_of("s1");
}

TEST_F(Explaining, never_tells_a_password) {
    world.pool_settings.balance = balance::find_policy("first");
    world.backend(0).script.replies["PASS"] = "530 Sorry, secret1 is wrong.";
    TestClient first(world);
    EXPECT_EQ(first.code(), 220);
    EXPECT_EQ(first.ask("USER anna"), 331);
    EXPECT_EQ(first.ask("PASS secret1"), 530);
    world.backend(0).script.replies["PASS"] = "332 Say ACCT.";
    world.backend(0).script.replies["ACCT"] = "530 Sorry, secret2 is wrong.";
    TestClient second(world);
    EXPECT_EQ(second.code(), 220);
    EXPECT_EQ(second.ask("USER anna"), 331);
    EXPECT_EQ(second.ask("PASS secret1"), 332);
    EXPECT_EQ(second.ask("ACCT secret2"), 530);
    for (const auto* const id : {"s1", "s2"})
        EXPECT_FALSE(bytes_of(id).contains("secret")) << all_of(id);
    EXPECT_TRUE(told("s1", Fact::command).at(1).starts_with("PASS: 530. "));
    EXPECT_TRUE(told("s2", Fact::command).at(2).starts_with("ACCT: 530. "));
    EXPECT_TRUE(told("s1", Fact::login_refused).at(0).contains("530"));
    EXPECT_TRUE(told("s2", Fact::login_refused).at(0).contains("530"));
}

TEST_F(Explaining, tells_each_command_with_its_answer) {
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    EXPECT_EQ(client.ask("NOOP"), 200);
    EXPECT_EQ(client.ask("PORT 1,2,3,4,5,6"), 501);
    client.send("\x01\x02");
    EXPECT_EQ(client.code(), 500);
    const auto commands = told("s1", Fact::command);
    EXPECT_TRUE(commands.at(2).starts_with("NOOP: 200. It took")) << all_of("s1");
    EXPECT_TRUE(commands.at(3).starts_with("PORT 1,2,3,4,5,6: 501 PORT must name your own"));
    EXPECT_EQ(told("s1", Fact::bad_line).at(0),
              "A line that is not a command was answered with 500 Unknown command.");
}

TEST_F(Explaining, tells_why_another_backend_was_tried) {
    world.backend(0).script.greeting = "421 Too many users.";
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    const auto failed = told("s1", Fact::attempt_failed);
    ASSERT_EQ(failed.size(), 1U);
    EXPECT_TRUE(failed.at(0).starts_with("Backend alf1 at 10.0.0.11:21 failed after "));
    EXPECT_TRUE(failed.at(0).contains("421 Too many users."));
    EXPECT_EQ(told("s1", Fact::not_candidate).at(0),
              "Not a candidate: alf1 is tried before, with 0 sessions.");
    EXPECT_EQ(told("s1", Fact::chosen).at(1),
              "Backend alf2 of pool files was chosen: policy round-robin.");
}

TEST_F(Explaining, tells_how_a_transfer_went) {
    world.backend(0).files["a"] = std::string(1000, 'a');
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    transfer(client, "RETR a", 226);
    transfer(client, "RETR missing", 550);
    const auto transfers = told("s1", Fact::transfer);
    ASSERT_EQ(transfers.size(), 2U) << all_of("s1");
    EXPECT_TRUE(transfers.at(0).starts_with("RETR a (file ")) << transfers.at(0);
    EXPECT_TRUE(transfers.at(0).contains(": whole. 1000 bytes in "));
    EXPECT_TRUE(transfers.at(0).contains("final reply 226"));
    EXPECT_TRUE(transfers.at(0).contains("Client: passive, connected after "));
    EXPECT_TRUE(transfers.at(0).contains("Backend: passive, connected after "));
    EXPECT_TRUE(transfers.at(0).contains("First byte after "));
    EXPECT_TRUE(transfers.at(1).contains("refused, 550")) << transfers.at(1);
    // A transfer is not told a second time as a command.
    for (const auto& command : told("s1", Fact::command))
        EXPECT_FALSE(command.starts_with("RETR")) << command;
}

TEST_F(Explaining, shows_what_a_session_is_doing_now) {
    world.backend(0).files["a"] = std::string(1000, 'a');
    TestClient client(world);
    ASSERT_TRUE(client.log_in());
    ASSERT_NE(client.passive_port("EPSV"), 0);
    client.send("RETR a");
    EXPECT_EQ(client.code(), 150);
    world.loop.run_for(3s);
    const auto now = told("s1", Fact::now).at(0);
    EXPECT_TRUE(now.starts_with("Now: in transfer (waiting for the client), RETR a, for 3.0 s"))
        << now;
}

TEST_F(Explaining, keeps_the_story_of_an_ended_session) {
    {
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        EXPECT_EQ(client.ask("QUIT"), 221);
    }
    world.loop.run_for(1s);
    EXPECT_EQ(world.sessions(), 0U);
    EXPECT_EQ(facts("s1").front(), Fact::accepted);
    EXPECT_EQ(facts("s1").back(), Fact::ended);
    EXPECT_TRUE(told("s1", Fact::ended).at(0).contains("the client said QUIT"));
    EXPECT_EQ(world.stories.size().bytes_running, 0U);
}

TEST_F(Explaining, tells_of_waiting_in_the_queue) {
    world.pool_settings.queue.length = 5;
    world.pool_settings.queue.timeout = 60s;
    for (auto& backend : world.pool_settings.backends) backend.max_sessions = 1;
    TestClient first(world);
    TestClient second(world, "198.51.100.8:50000");
    ASSERT_TRUE(first.log_in());
    ASSERT_TRUE(second.log_in());
    TestClient third(world, "198.51.100.9:50000");
    EXPECT_EQ(third.code(), 220);
    third.send("USER anna");
    world.loop.run_for(5s);
    EXPECT_EQ(told("s3", Fact::not_candidate).at(0),
              "Not a candidate: alf1 is full, with 1 session.");
    EXPECT_EQ(told("s3", Fact::queued).size(), 1U);
    EXPECT_EQ(first.ask("QUIT"), 221);
    EXPECT_EQ(third.code(), 331);
    EXPECT_EQ(told("s3", Fact::left_queue).at(0),
              "The wait in the queue ended after 5.0 s: a seat on alf1 is free.");
}

TEST_F(Explaining, says_that_no_backend_was_found) {
    for (const auto& status : world.pool().status())
        world.pool().probe_failed(status.backend.id, "no answer");
    for (const auto& status : world.pool().status())
        world.pool().probe_failed(status.backend.id, "no answer");
    for (const auto& status : world.pool().status())
        world.pool().probe_failed(status.backend.id, "no answer");
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER anna"), 421);
    EXPECT_EQ(told("s1", Fact::no_backend).at(0),
              "Pool files has no backend for the client: all backends are down.");
    EXPECT_EQ(told("s1", Fact::not_candidate).size(), 2U);
}

TEST_F(Explaining, publishes_sessions_and_transfers_for_those_who_listen) {
    events::Filter filter;
    filter.listener = "ftp";
    events::Subscriber subscriber(filter, [] {});
    world.backend(0).files["a"] = std::string(1000, 'a');
    {
        TestClient client(world);
        ASSERT_TRUE(client.log_in());
        transfer(client, "RETR a", 226);
        EXPECT_EQ(client.ask("QUIT"), 221);
    }
    world.loop.run_for(1s);
    std::vector<events::Kind> kinds;
    const auto taken = subscriber.take(100);
    for (const auto& event : taken.events) kinds.push_back(event->kind);
    using enum events::Kind;
    const std::vector expected = {session_began, session_logged_in, transfer_began, transfer_ended,
                                  session_ended};
    EXPECT_EQ(kinds, expected);
    for (const auto& event : taken.events) {
        const auto fields = events::row_of(event->kind).fields();
        for (const auto& field : event->fields)
            EXPECT_NE(std::ranges::find(fields, field.name), fields.end()) << field.name;
    }
    EXPECT_EQ(taken.events.at(3)->text("file"), "a");
}

}  // namespace
}  // namespace ballast::session
