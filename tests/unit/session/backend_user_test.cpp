// SPDX-License-Identifier: Apache-2.0
#include "session/backend_user.h"

#include "support/log_lines.h"
#include "support/test_client.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

using Rules = std::vector<config::UserRule>;
const Rules rules = {{"sales-*", "ftp-sales"}, {"bert", "{user}.{user}@corp"}, {"b?n", "{user}"}};

TEST(BackendUser, is_the_name_of_the_first_matching_pattern) {
    EXPECT_EQ(backend_user(rules, "sales-anna"), "ftp-sales");
    EXPECT_EQ(backend_user(rules, "sales-"), "ftp-sales");
    EXPECT_EQ(backend_user(rules, "bert"), "bert.bert@corp");
    EXPECT_EQ(backend_user(rules, "ben"), "ben");
    EXPECT_EQ(backend_user(rules, "Bert"), "Bert");
    EXPECT_EQ(backend_user(rules, "anna"), "anna");
    EXPECT_EQ(backend_user({}, "anna"), "anna");
    EXPECT_EQ(backend_user(Rules{{"*", "{user}@{user}"}}, "{user}"), "{user}@{user}");
}

TEST(BackendUser, is_found_despite_telnet_commands) {
    EXPECT_EQ(backend_user(rules, "sa\xff\xf1les-anna"), "ftp-sales");
    EXPECT_EQ(backend_user(rules,
                           "\xff\xf1"
                           "bert"),
              "\xff\xf1"
              "bert.\xff\xf1"
              "bert@corp");
}

/// Sessions of a pool with `backend_user`.
class RenamedUser : public testing::Test {
protected:
    RenamedUser() { world.pool_settings.backend_user = {{"sales-*", "ftp-sales"}}; }
    /// The last code that the client gets.
    static int log_in(TestClient& client, std::string_view user) {
        EXPECT_EQ(client.code(), 220);
        if (const auto code = client.ask("USER " + std::string(user)); code != 331) return code;
        return client.ask("PASS secret");
    }
    bool hears(std::size_t index, std::string_view line) {
        return world.backend(index).has_heard(line);
    }

    World world;
};

TEST_F(RenamedUser, logs_in_with_the_clients_password) {
    TestClient client(world);
    EXPECT_EQ(log_in(client, "sales-anna"), 230);
    EXPECT_TRUE(hears(0, "USER ftp-sales"));
    EXPECT_TRUE(hears(0, "PASS secret"));
    EXPECT_FALSE(hears(0, "USER sales-anna"));
    TestClient other(world);
    EXPECT_EQ(log_in(other, "bert"), 230);
    EXPECT_TRUE(hears(1, "USER bert"));
}

TEST_F(RenamedUser, is_logged_with_both_names) {
    support::LogLines lines(log::Level::debug);
    {
        TestClient client(world);
        EXPECT_EQ(log_in(client, "sales-anna"), 230);
        EXPECT_EQ(client.ask("QUIT"), 221);
        TestClient other(world);
        EXPECT_EQ(log_in(other, "bert"), 230);
    }
    EXPECT_GT(lines.count("user=sales-anna backend_user=ftp-sales"), 0);
    EXPECT_GT(lines.count("user=bert"), 0);
    EXPECT_EQ(lines.count("user=bert backend_user"), 0);
}

TEST_F(RenamedUser, is_renamed_in_each_USER) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER bert"), 331);
    EXPECT_EQ(client.ask("USER sales-anna"), 331);  // on the same connection
    EXPECT_EQ(world.backend(0).sessions_ever(), 1);
    EXPECT_TRUE(hears(0, "USER ftp-sales"));
    EXPECT_EQ(client.ask("PASS secret"), 230);
    world.backend(0).heard.clear();
    EXPECT_EQ(client.ask("USER sales-ben"), 331);  // after login
    EXPECT_TRUE(hears(0, "USER ftp-sales"));
    EXPECT_FALSE(hears(0, "USER sales-ben"));
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST_F(RenamedUser, is_renamed_if_PASS_goes_to_another_backend) {
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER sales-anna"), 331);
    world.backend(0).script.replies["PASS"] = std::string(support::closes);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_TRUE(hears(1, "USER ftp-sales"));
    EXPECT_FALSE(hears(1, "USER sales-anna"));
}

TEST_F(RenamedUser, gets_the_name_of_the_fallback_pool) {
    world.pool_settings.backends.resize(1);
    world.pool_settings.fallback = "other";
    config::Pool other;
    other.name = "other";
    other.backends.emplace_back();
    other.backends[0].name = "oth1";
    other.backends[0].host = "10.0.0.12";
    other.backend_user = {{"sales-*", "guest"}};
    (void)world.pool();
    (void)world.add_pool(other);
    world.backend(0).close();
    TestClient client(world);
    EXPECT_EQ(client.code(), 220);
    EXPECT_EQ(client.ask("USER sales-anna"), 331);
    world.backend(1).heard.clear();
    EXPECT_EQ(client.ask("USER sales-ben"), 331);  // on the same connection
    EXPECT_EQ(world.backend(1).sessions_ever(), 1);
    EXPECT_TRUE(hears(1, "USER guest"));
    EXPECT_FALSE(hears(1, "USER ftp-sales"));
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST_F(RenamedUser, sticks_by_its_own_name) {
    world.pool_settings.stick.by = config::StickBy::user;
    for (int i = 0; i < 2; ++i) {
        TestClient client(world);
        EXPECT_EQ(log_in(client, "sales-anna"), 230);
    }
    EXPECT_EQ(world.backend(0).sessions_ever(), 2);
    TestClient other(world);
    EXPECT_EQ(log_in(other, "sales-ben"), 230);
    EXPECT_EQ(world.backend(1).sessions_ever(), 1);
}

TEST_F(RenamedUser, is_banned_and_limited_by_its_own_name) {
    world.limits.failed_logins_per_user = 2;
    world.limits.sessions_per_user = 1;
    for (auto* const script : {&world.backend(0).script, &world.backend(1).script})
        script->replies["PASS"] = "530 Wrong.";
    for (int i = 0; i < 2; ++i) {
        TestClient client(world);
        EXPECT_EQ(log_in(client, "sales-anna"), 530);
    }
    for (auto* const script : {&world.backend(0).script, &world.backend(1).script})
        script->replies.clear();
    TestClient banned(world);
    EXPECT_EQ(log_in(banned, "sales-anna"), 530);
    TestClient first(world);
    EXPECT_EQ(log_in(first, "sales-ben"), 230);
    TestClient second(world);
    EXPECT_EQ(log_in(second, "sales-ben"), 530);
    TestClient other(world);
    EXPECT_EQ(log_in(other, "sales-eve"), 230);
}

}  // namespace
}  // namespace ballast::session
