// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::config {
namespace {

// The tables that complete a file around the part under test: two lines before it.
const std::string listener = R"([listener.ftp]
bind = ["127.0.0.1:21"]
)";
const std::string pool = R"(
[[pool.alf.backend]]
name = "alf1"
address = "10.0.0.11"
)";
const std::string route = "[[listener.ftp.route]]\n";
const std::string tls = "[listener.ftp.tls]\ncertificate = \"c\"\n";

TEST(LoadRoutes, reads_all_settings_of_a_route) {
    const auto config = loaded(listener + R"(pool = "alf"
user_at_pool = true
user_at_host = true
data_peer = "10.0.0.0/8"
allow_fxp = true
[[listener.ftp.route]]
match = { user = "sales-*", network = "10.0.0.0/8", host = "a", sni = "b", certificate = "CN=c" }
pool = "alf"
[[listener.ftp.route]]
match = { user = ["a", "b?"], network = ["10.0.0.0/8", "2001:db8::1"] }
reject = "421 Come back later."
[[listener.ftp.route]]
pool = "alf"
[listener.ftp.tls]
certificate = "c"
client_ca = "ca"
client_certificate = "request"
)" + pool);
    const auto& ftp = config.listeners.at(0);
    EXPECT_TRUE(ftp.user_at_pool);
    EXPECT_TRUE(ftp.user_at_host);
    EXPECT_TRUE(ftp.allow_fxp);
    EXPECT_EQ(ftp.data_peer,
              (DataPeer{DataPeer::Kind::network, base::Subnet::parse("10.0.0.0/8")}));
    ASSERT_EQ(ftp.routes.size(), 3U);
    const auto& first = ftp.routes[0];
    EXPECT_EQ(first.where.key, "listener.ftp.route[0]");
    EXPECT_EQ(first.where.line, 8U);
    EXPECT_EQ(first.match.user, std::vector<std::string>{"sales-*"});
    EXPECT_EQ(first.match.network, std::vector{*base::Subnet::parse("10.0.0.0/8")});
    EXPECT_EQ(first.match.host, std::vector<std::string>{"a"});
    EXPECT_EQ(first.match.sni, std::vector<std::string>{"b"});
    EXPECT_EQ(first.match.certificate, std::vector<std::string>{"CN=c"});
    EXPECT_EQ(first.pool, "alf");
    EXPECT_EQ(first.reject, "");
    EXPECT_EQ(ftp.routes[1].match.user, (std::vector<std::string>{"a", "b?"}));
    ASSERT_EQ(ftp.routes[1].match.network.size(), 2U);
    EXPECT_EQ(to_string(ftp.routes[1].match.network[1]), "2001:db8::1/128");
    EXPECT_EQ(ftp.routes[1].pool, "");
    EXPECT_EQ(ftp.routes[1].reject, "421 Come back later.");
    EXPECT_TRUE(ftp.routes[2].match.user.empty());
}

TEST(LoadRoutes, allowed_clients_are_a_word_or_a_network) {
    const auto peer = [](const std::string& value) {
        return loaded(listener + "pool = \"alf\"\ndata_peer = \"" + value + '"' + pool)
            .listeners.at(0)
            .data_peer;
    };
    EXPECT_EQ(peer("exact"), DataPeer{});
    EXPECT_EQ(peer("any"), (DataPeer{DataPeer::Kind::any, std::nullopt}));
    EXPECT_EQ(peer("::/0"), (DataPeer{DataPeer::Kind::network, base::Subnet::parse("::/0")}));
}

TEST(LoadRoutes, accepts_settings_that_only_look_wrong) {
    const std::string files[] = {
        // Routes alone.
        listener + route + "pool = \"alf\"" + pool,
        listener + route + "reject = \"530 No.\"" + pool,
        // The same as without it.
        listener + "pool = \"\"\n" + route + "pool = \"alf\"\nreject = \"\"" + pool,
        // A pool after a route that matches everything is for users who do not name a pool.
        listener + "pool = \"alf\"\n" + route + "pool = \"alf\"" + pool,
        // These do not match everything: IPv6, and clients without a host or SNI.
        listener + route + "match = { network = \"0.0.0.0/0\" }\npool = \"alf\"\n" + route +
            "match = { host = \"*\" }\npool = \"alf\"\n" + route + "pool = \"alf\"" + pool,
        listener + route + "match = { sni = \"*\" }\npool = \"alf\"\n" + route +
            "pool = \"alf\"\n" + tls + pool,
        // Used by one of the two words.
        listener + route + "match = { certificate = \"*\" }\npool = \"alf\"\n" + tls +
            "client_ca = \"c\"\nclient_certificate = \"require\"" + pool,
    };
    for (const auto& file : files) EXPECT_EQ(problems_of(file), "none") << file;
}

TEST(LoadRoutes, finds_missing_and_contradictory_settings_of_listeners_and_routes) {
    expect({
        {listener + pool,
         "f:1:1: listener.ftp.pool: there is neither pool nor route (add pool, the name of a "
         "pool, or [[listener.ftp.route]] tables)\n"},
        {listener + "route = []" + pool,
         "f:1:1: listener.ftp.pool: there is neither pool nor route (add pool, the name of a "
         "pool, or [[listener.ftp.route]] tables)\n"},
        {listener + route + "match = { user = \"a\" }\npool = \"alff\"" + pool,
         "f:5:8: listener.ftp.route[0].pool: there is no pool 'alff' (use alf, or add "
         "[pool.alff]; did you mean alf?)\n"},
        {listener + route + "match = { user = \"a\" }" + pool,
         "f:3:1: listener.ftp.route[0]: the route leads nowhere (add pool, the name of a pool, or "
         "reject = \"530 Not from here.\")\n"},
        {listener + route + "pool = \"alf\"\nreject = \"530 No.\"" + pool,
         "f:5:10: listener.ftp.route[0].reject: the route has both pool and reject (remove "
         "one)\n"},
        {listener + route + "pool = \"alf\"\ncounts_as_failure = true" + pool,
         "f:5:21: listener.ftp.route[0].counts_as_failure: counts_as_failure has no effect without "
         "reject (add reject, the reply to those that match, or remove counts_as_failure)\n"},
    });
}

TEST(LoadRoutes, finds_replies_that_do_not_refuse) {
    const std::string fix =
        " is not a negative reply (write a code from 400 to 599, a space and a text without "
        "control "
        "characters, such as \"530 Not from here.\")\n";
    for (const auto* const wrong : {"230 Welcome.", "530", "530 ", "53 No.", "530-No.", "630 No.",
                                    "No.", "x30 No.", "5x0 No.", "53x No."})
        EXPECT_EQ(problems_of(listener + route + "reject = \"" + wrong + '"' + pool),
                  "f:4:10: listener.ftp.route[0].reject: '" + std::string(wrong) + '\'' + fix);
    EXPECT_EQ(problems_of(listener + route + "reject = \"530 a\\r\\n220 b\"" + pool),
              "f:4:10: listener.ftp.route[0].reject: '530 a\\x0d\\x0a220 b'" + fix);
    EXPECT_EQ(
        problems_of(listener + route + "reject = \"530 " + std::string(496, 'a') + '"' + pool),
        "none");
    EXPECT_TRUE(
        problems_of(listener + route + "reject = \"530 " + std::string(497, 'a') + '"' + pool)
            .contains(fix));
}

TEST(LoadRoutes, finds_routes_that_never_match) {
    const auto never = [](const std::string& line, int index, int first) {
        return fmt::format(
            "f:{}: listener.ftp.route[{}]: the route can never match "
            "(listener.ftp.route[{}] matches everything before it: put this one "
            "first, or remove one of them)\n",
            line, index, first);
    };
    const std::string alf = "pool = \"alf\"\n";
    expect({
        {listener + route + alf + route + alf + pool, never("5:1", 1, 0)},
        {listener + route + "match = { user = \"a\" }\n" + alf + route + alf + route + alf + route +
             alf + pool,
         never("8:1", 2, 1) + never("10:1", 3, 1)},
        {listener + route + "match = { user = [\"a\", \"**\"] }\n" + alf + route + alf + pool,
         never("6:1", 1, 0)},
        {listener + route + "match = { network = [\"::/0\", \"0.0.0.0/0\"] }\n" + alf + route +
             alf + pool,
         never("6:1", 1, 0)},
    });
}

TEST(LoadRoutes, finds_matches_that_need_tls) {
    const std::string alf = "pool = \"alf\"\n";
    const std::string no_certificate =
        ": certificate never matches, because clients are not asked for one (add "
        "client_certificate = "
        "\"request\" or \"require\" to [listener.ftp.tls], or remove certificate)\n";
    expect({
        {listener + route + "match = { sni = \"a\" }\n" + alf + pool,
         "f:4:17: listener.ftp.route[0].match.sni: sni never matches without TLS (add "
         "[listener.ftp.tls], or remove sni)\n"},
        {listener + route + "match = { certificate = \"a\" }\n" + alf + pool,
         "f:4:25: listener.ftp.route[0].match.certificate" + no_certificate},
        {listener + route + "match = { certificate = \"a\" }\n" + alf + tls + pool,
         "f:4:25: listener.ftp.route[0].match.certificate" + no_certificate},
    });
}

TEST(LoadRoutes, finds_values_of_the_wrong_kind) {
    const std::string match = "use 1 to 1024 bytes each, no control characters)\n";
    expect({
        {listener + "route = { pool = \"alf\" }" + pool,
         "f:3:9: listener.ftp.route: route is a table (write [[listener.ftp.route]], in double "
         "brackets)\n"},
        {listener + "route = [\"alf\"]" + pool,
         "f:3:10: listener.ftp.route[0]: a route is a string (write each route as a table with "
         "match and pool)\n"},
        {listener + route + "match = \"*\"\npool = \"alf\"" + pool,
         "f:4:9: listener.ftp.route[0].match: match is a string (write a table, match = { ... "
         "})\n"},
        {listener + route + "match = { user = \"\" }\npool = \"alf\"" + pool,
         "f:4:18: listener.ftp.route[0].match.user: user has 0 bytes (" + match},
        {listener + route + "match = { user = [\"a\", 5] }\npool = \"alf\"" + pool,
         "f:4:24: listener.ftp.route[0].match.user[1]: user[1] is an integer (use a string: 1 to "
         "1024 bytes each, no control characters)\n"},
        {listener + route + "match = { network = \"10.0.0.1/8\" }\npool = \"alf\"" + pool,
         "f:4:21: listener.ftp.route[0].match.network: '10.0.0.1/8' is not a network (write the "
         "first address and the prefix, such as \"10.0.0.0/8\")\n"},
        {listener + route + "match = { network = [\"10.0.0.0/8\", \"here\"] }\npool = \"alf\"" +
             pool,
         "f:4:36: listener.ftp.route[0].match.network[1]: 'here' is not a network (write the first "
         "address and the prefix, such as \"10.0.0.0/8\")\n"},
        {listener + route + "match = { network = 10 }\npool = \"alf\"" + pool,
         "f:4:21: listener.ftp.route[0].match.network: network is an integer (use a string or "
         "array of strings: networks such as \"10.0.0.0/8\")\n"},
        {listener + route + "match = { usr = \"a\" }\npool = \"alf\"" + pool,
         "f:4:11: listener.ftp.route[0].match.usr: unknown key (did you mean user?)\n"},
        {listener + route + "reject = 530" + pool,
         "f:4:10: listener.ftp.route[0].reject: reject is an integer (use a string: a code from "
         "400 to 599, a space and a text; up to 500 bytes)\n"},
        {listener + "pool = \"alf\"\ndata_peer = \"all\"" + pool,
         "f:4:13: listener.ftp.data_peer: 'all' is not a network (write the first address and the "
         "prefix, such as \"10.0.0.0/8\", or \"exact\" or \"any\")\n"},
        {listener + "pool = \"alf\"\ndata_peer = true" + pool,
         "f:4:13: listener.ftp.data_peer: data_peer is a boolean (use a string: \"exact\", "
         "\"any\" or a network such as \"10.0.0.0/8\")\n"},
    });
}

TEST(LoadRoutes, a_refused_value_causes_no_second_problem) {
    const auto one_problem = [](const std::string& text) {
        return errors_of(text).size() == 1 ? "one" : problems_of(text);
    };
    const std::string alf = "pool = \"alf\"\n";
    const std::string files[] = {
        // Not also: there is neither pool nor route, or the route leads nowhere.
        listener + "pool = 5" + pool,
        listener + "route = 5" + pool,
        listener + route + "pool = 5" + pool,
        listener + route + "reject = 5" + pool,
        // Not also: the next one can never match.
        listener + route + "match = { user = 5 }\n" + alf + route + alf + pool,
        listener + route + "match = { usr = \"a\" }\n" + alf + route + alf + pool,
        listener + route + "match = 5\n" + alf + route + alf + pool,
        // Not also: it never matches without TLS.
        listener + "tls = 5\n" + route + "match = { sni = \"a\", certificate = \"b\" }\n" + alf +
            pool,
        listener + route + "match = { certificate = \"b\" }\n" + alf + tls +
            "client_ca = \"c\"\nclient_certificate = 5" + pool,
    };
    for (const auto& file : files) EXPECT_EQ(one_problem(file), "one") << file;
}

}  // namespace
}  // namespace ballast::config
