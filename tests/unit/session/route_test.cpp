// SPDX-License-Identifier: Apache-2.0
#include "session/route.h"

#include "support/test_client.h"
#include "support/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace ballast::session {
namespace {

using namespace std::chrono_literals;
using support::TestClient;
using support::World;

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

config::Route to_pool(const char* pool, config::RouteMatch match = {}) {
    return {.where = {}, .match = std::move(match), .pool = pool, .reject = {}};
}

using Patterns = std::vector<std::string>;

config::RouteMatch by(Patterns config::RouteMatch::* what, Patterns patterns) {
    config::RouteMatch match;
    match.*what = std::move(patterns);
    return match;
}

config::RouteMatch by_network(const char* network) {
    config::RouteMatch match;
    match.network.push_back(*base::Subnet::parse(network));
    return match;
}

config::RouteMatch user_and_host(const char* user, const char* host) {
    auto match = by(&config::RouteMatch::user, {user});
    match.host.emplace_back(host);
    return match;
}

Applicant from(std::string_view user, const char* address = "192.0.2.7",
               std::string_view server_name = {}) {
    return {.user = user,
            .address = ip(address),
            .host = {},
            .server_name = server_name,
            .certificate = {}};
}

class RouteTest : public testing::Test {
protected:
    std::string where(const Applicant& applicant) const {
        const auto found = route(listener, applicant);
        if (found.refusal)
            return fmt::format("{} {}", found.refusal->code, found.refusal->message());
        return found.user + " to " + found.pool + (found.host.empty() ? "" : " of " + found.host);
    }
    std::string where(const char* user) const { return where(from(user)); }
    /// The pools that a client may still reach before USER.
    std::string ahead(const Applicant& client, bool is_secured = false) const {
        return fmt::format("{}", fmt::join(pools_ahead(listener, client, is_secured), " "));
    }

    config::Listener listener;
};

TEST_F(RouteTest, knows_before_USER_which_pools_are_out_of_reach) {
    listener.routes = {to_pool("inside", by_network("192.0.2.0/24")),
                       to_pool("sales", by(&config::RouteMatch::user, {"sales-*"}))};
    listener.pool = "files";
    EXPECT_EQ(ahead(from("", "192.0.2.7")), "inside");
    EXPECT_EQ(ahead(from("", "198.51.100.1")), "sales files");
    listener.user_at_pool = true;  // and may name any of these
    EXPECT_EQ(ahead(from("", "192.0.2.7")), "inside sales files");
    listener.routes[0].pool.clear();
    listener.routes[0].reject = "530 No.";
    EXPECT_EQ(ahead(from("", "192.0.2.7")), "");
}

TEST_F(RouteTest, knows_before_USER_what_HOST_and_TLS_have_settled) {
    listener.routes = {to_pool("a", by(&config::RouteMatch::sni, {"a.example.org"})),
                       to_pool("b", by(&config::RouteMatch::host, {"b.example.org"})),
                       to_pool("staff", by(&config::RouteMatch::certificate, {"CN=anna"}))};
    listener.pool = "files";
    auto client = from("");
    EXPECT_EQ(ahead(client), "a b staff files");
    EXPECT_EQ(ahead(client, true), "b files");
    client.host = "B.example.org";
    EXPECT_EQ(ahead(client), "a b");
    EXPECT_EQ(ahead(client, true), "b");
    listener.user_at_host = true;  // USER may name another
    EXPECT_EQ(ahead(client, true), "b files");
    client.host = {};
    client.server_name = "a.example.org";
    EXPECT_EQ(ahead(client, true), "a");
    client.server_name = "b.example.org";
    EXPECT_EQ(ahead(client, true), "b files");
    client.certificate = "CN=anna";
    EXPECT_EQ(ahead(client, true), "b staff");
}

TEST_F(RouteTest, uses_the_listeners_pool_without_routes) {
    listener.pool = "files";
    EXPECT_EQ(where("anna"), "anna to files");
}

TEST_F(RouteTest, tries_routes_in_order_and_refuses_if_none_matches) {
    listener.routes = {to_pool("sales", by(&config::RouteMatch::user, {"sales-*"})),
                       to_pool("inside", by_network("192.0.2.0/24")),
                       to_pool("web", by(&config::RouteMatch::user, {"sales-web", "w?b"}))};
    EXPECT_EQ(where("sales-web"), "sales-web to sales");
    EXPECT_EQ(where("web"), "web to inside");
    Applicant outside = from("web", "198.51.100.1");
    EXPECT_EQ(where(outside), "web to web");
    outside.user = "Web";
    EXPECT_EQ(where(outside), "530 This user cannot log in here.");
    listener.pool = "files";
    EXPECT_EQ(where(outside), "Web to files");
}

TEST_F(RouteTest, cannot_be_evaded_by_telnet_commands_in_a_name) {
    listener.routes = {to_pool("sales", by(&config::RouteMatch::user, {"anna"}))};
    listener.pool = "files";
    EXPECT_EQ(where("an\xff\xf1na"), "an\xff\xf1na to sales");
    EXPECT_EQ(where("\xff\xf1"
                    "bert"),
              "\xff\xf1"
              "bert to files");
}

TEST_F(RouteTest, matches_only_if_all_conditions_of_a_route_hold) {
    listener.routes = {to_pool("both", user_and_host("anna", "*.example.org"))};
    Applicant anna = from("anna", "192.0.2.7");
    EXPECT_EQ(where(anna), "530 This user cannot log in here.");
    anna.host = "FTP.Example.ORG";
    EXPECT_EQ(where(anna), "anna to both of FTP.Example.ORG");
    anna.user = "bert";
    EXPECT_EQ(where(anna), "530 This user cannot log in here.");
}

TEST_F(RouteTest, looks_at_the_server_name_and_the_certificate) {
    listener.routes = {to_pool("a", by(&config::RouteMatch::sni, {"a.example.org"})),
                       to_pool("staff", by(&config::RouteMatch::certificate, {"CN=*,OU=staff,*"}))};
    Applicant who = from("anna", "192.0.2.7", "A.example.org");
    EXPECT_EQ(where(who), "anna to a");
    who.server_name = {};
    EXPECT_EQ(where(who), "530 This user cannot log in here.");
    who.certificate = "CN=anna,OU=staff,O=Example";
    EXPECT_EQ(where(who), "anna to staff");
    who.certificate = "CN=anna,OU=guests,O=Example";
    EXPECT_EQ(where(who), "530 This user cannot log in here.");
}

TEST_F(RouteTest, rejects_with_the_text_of_the_route) {
    listener.pool = "files";
    config::Route no;
    no.match.user = {"root"};
    no.reject = "430 Not you.";
    listener.routes = {no};
    EXPECT_EQ(where("root"), "430 Not you.");
    EXPECT_EQ(where("anna"), "anna to files");
    EXPECT_EQ(route(listener, from("root")).rejected_by, &listener.routes[0]);
    listener.pool.clear();
    EXPECT_EQ(route(listener, from("anna")).rejected_by, nullptr);
}

TEST_F(RouteTest, reads_a_pool_from_the_users_name) {
    listener.pool = "files";
    listener.routes = {to_pool("sales", by_network("192.0.2.0/24"))};
    EXPECT_EQ(where("anna@files"), "anna@files to sales");
    listener.user_at_pool = true;
    EXPECT_EQ(where("anna@files"), "anna to files");
    EXPECT_EQ(where("anna@sales"), "anna to sales");
    EXPECT_EQ(where("anna@example.org@sales"), "anna@example.org to sales");
    EXPECT_EQ(where("anna@example.org"), "anna@example.org to sales");
    EXPECT_EQ(where("@sales"), "@sales to sales");
    // A pool for other clients only.
    const Applicant outside = from("anna@sales", "198.51.100.1");
    EXPECT_EQ(where(outside), "530 This user cannot log in here.");
}

TEST_F(RouteTest, reads_a_host_from_the_users_name) {
    listener.user_at_host = true;
    listener.routes = {to_pool("a", by(&config::RouteMatch::host, {"a.example.org"})),
                       to_pool("b", by(&config::RouteMatch::host, {"b.*"}))};
    EXPECT_EQ(where("anna%a.example.org"), "anna to a of a.example.org");
    EXPECT_EQ(where("anna%b.example.org"), "anna to b of b.example.org");
    EXPECT_EQ(where("anna%c.example.org"), "530 This user cannot log in here.");
    Applicant who = from("anna%a.example.org", "192.0.2.7", "b.example.org");
    EXPECT_EQ(where(who), "530 The host differs from that of the TLS handshake.");
    who.server_name = "*";
    EXPECT_EQ(where(who), "530 The host differs from that of the TLS handshake.");
    who.server_name = "A.EXAMPLE.org";
    EXPECT_EQ(where(who), "anna to a of a.example.org");
}

TEST_F(RouteTest, knows_the_hosts_in_routes) {
    EXPECT_TRUE(knows_host(listener, "anything"));
    listener.routes = {to_pool("a", by(&config::RouteMatch::host, {"a.example.org", "*.b.org"})),
                       to_pool("b")};
    EXPECT_TRUE(knows_host(listener, "A.example.org"));
    EXPECT_TRUE(knows_host(listener, "x.b.org"));
    EXPECT_FALSE(knows_host(listener, "c.org"));
}

/// A client that has received the greeting.
class Greeted : public TestClient {
public:
    explicit Greeted(World& world) : TestClient(world) { EXPECT_EQ(code(), 220); }
};

/// Sessions of a listener with several pools: the world's own "files" with two backends, and
/// others.
class RoutedSessionTest : public testing::Test {
protected:
    RoutedSessionTest() {
        world.pool_settings.backends.resize(1);
        other.name = "other";
        other.backends.push_back({});
        other.backends[0].name = "oth1";
        other.backends[0].host = "10.0.0.12";
        (void)world.pool();
    }
    /// The world's second server is in the other pool.
    std::size_t sessions_of(std::size_t server) { return world.backend(server).sessions(); }

    World world{2};
    config::Pool other;
};

TEST_F(RoutedSessionTest, go_to_the_pool_of_their_user) {
    (void)world.add_pool(other);
    world.listener.routes = {to_pool("other", by(&config::RouteMatch::user, {"oth-*"}))};
    Greeted client(world);
    EXPECT_EQ(client.ask("USER oth-anna"), 331);
    EXPECT_EQ(sessions_of(1), 1);
    // Before login a second USER is routed again.
    EXPECT_EQ(client.ask("USER anna"), 331);
    EXPECT_EQ(sessions_of(0), 1);
    EXPECT_EQ(sessions_of(1), 0);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    // After login too, if the user belongs to another pool.
    EXPECT_EQ(client.ask("USER oth-anna"), 331);
    EXPECT_EQ(sessions_of(0), 0);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    EXPECT_EQ(sessions_of(1), 1);
    // The backend decides about a user of the same pool.
    const auto sessions = world.backend(1).sessions_ever();
    EXPECT_EQ(client.ask("USER oth-bert"), 331);
    EXPECT_EQ(world.backend(1).sessions_ever(), sessions);
}

TEST_F(RoutedSessionTest, are_refused_without_a_matching_route_and_continue) {
    (void)world.add_pool(other);
    world.listener.pool.clear();
    world.listener.routes = {to_pool("other", by(&config::RouteMatch::user, {"oth-*"}))};
    Greeted client(world);
    EXPECT_EQ(client.ask("USER anna"), 530);
    EXPECT_EQ(client.ask("PASS secret"), 503);
    EXPECT_EQ(client.ask("USER oth-anna"), 331);
    EXPECT_EQ(client.ask("PASS secret"), 230);
    Greeted guesser(world);
    EXPECT_EQ(guesser.ask("USER a"), 530);
    EXPECT_EQ(guesser.ask("USER b"), 530);
    EXPECT_EQ(guesser.ask("USER c"), 530);
    EXPECT_EQ(guesser.code(), 421);
    EXPECT_EQ(world.seats_taken(), 0U);
}

TEST_F(RoutedSessionTest, send_the_backend_the_users_own_name) {
    (void)world.add_pool(other);
    world.listener.routes = {to_pool("other", by(&config::RouteMatch::user, {"oth-*"}))};
    world.listener.user_at_pool = true;
    Greeted client(world);
    EXPECT_EQ(client.ask("USER oth-anna@other"), 331);
    EXPECT_TRUE(world.backend(1).has_heard("USER oth-anna"));
    EXPECT_EQ(client.ask("PASS secret"), 230);
}

TEST_F(RoutedSessionTest, fall_back_if_no_backend_can_serve) {
    world.pool_settings.fallback = "other";
    world.renew_pool();
    (void)world.pool();
    (void)world.add_pool(other);
    world.backend(0).close();
    TestClient client(world);
    EXPECT_TRUE(client.log_in());
    EXPECT_EQ(sessions_of(1), 1);
    world.backend(0).open();
    TestClient next(world);
    EXPECT_TRUE(next.log_in());
    EXPECT_EQ(sessions_of(0), 1);
}

TEST_F(RoutedSessionTest, do_not_fall_back_because_backends_are_full) {
    world.pool_settings.fallback = "other";
    world.pool_settings.backends[0].max_sessions = 1;
    world.renew_pool();
    (void)world.pool();
    (void)world.add_pool(other);
    TestClient first(world);
    EXPECT_TRUE(first.log_in());
    Greeted second(world);
    EXPECT_EQ(second.ask("USER anna"), 421);
    EXPECT_EQ(sessions_of(1), 0);
}

class QueuedSessionTest : public testing::Test {
protected:
    QueuedSessionTest() {
        world.pool_settings.backends[0].max_sessions = 1;
        world.pool_settings.queue = {.length = 2, .timeout = 10s};
    }
    World world{1};
};

TEST_F(QueuedSessionTest, wait_their_turn) {
    TestClient first(world);
    ASSERT_TRUE(first.log_in());
    Greeted second(world);
    Greeted third(world);
    second.send("USER anna");
    third.send("USER bert");
    world.loop.settle();
    EXPECT_EQ(world.pool().waiting(), 2U);
    Greeted fourth(world);
    EXPECT_EQ(fourth.ask("USER carl"), 421);
    EXPECT_EQ(first.ask("QUIT"), 221);
    EXPECT_EQ(second.code(), 331);
    EXPECT_EQ(second.ask("PASS secret"), 230);
    EXPECT_EQ(world.pool().waiting(), 1U);
    EXPECT_EQ(second.ask("QUIT"), 221);
    EXPECT_EQ(third.code(), 331);
}

TEST_F(QueuedSessionTest, get_421_if_they_waited_in_vain) {
    TestClient first(world);
    ASSERT_TRUE(first.log_in());
    Greeted second(world);
    second.send("USER anna");
    world.loop.run_for(9s);
    EXPECT_EQ(world.pool().waiting(), 1U);
    world.loop.run_for(1s);
    EXPECT_EQ(second.code(), 421);
    EXPECT_EQ(world.pool().waiting(), 0U);
}

TEST_F(QueuedSessionTest, give_up_their_place_when_they_leave) {
    TestClient first(world);
    ASSERT_TRUE(first.log_in());
    {
        Greeted second(world);
        second.send("USER anna");
        world.loop.settle();
        EXPECT_EQ(world.pool().waiting(), 1U);
    }
    world.loop.settle();
    EXPECT_EQ(world.pool().waiting(), 0U);
    Greeted third(world);
    third.send("USER anna");
    third.send("QUIT");
    world.loop.settle();
    EXPECT_EQ(third.code(), 221);
    EXPECT_EQ(world.pool().waiting(), 0U);
}

TEST_F(QueuedSessionTest, keep_commands_that_were_sent_meanwhile) {
    TestClient first(world);
    ASSERT_TRUE(first.log_in());
    Greeted second(world);
    second.send("USER anna");
    second.send("PASS secret");
    second.send("PWD");
    world.loop.settle();
    EXPECT_EQ(first.ask("QUIT"), 221);
    EXPECT_EQ(second.code(), 331);
    EXPECT_EQ(second.code(), 230);
    EXPECT_EQ(second.code(), 257);
}

}  // namespace
}  // namespace ballast::session
