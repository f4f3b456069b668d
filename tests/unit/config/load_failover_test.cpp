// SPDX-License-Identifier: Apache-2.0
#include "config/loading.h"

#include <gtest/gtest.h>
#include <string>

namespace ballast::config {
namespace {

using whole_file::listener;

const std::string alf1 = "\n[[pool.alf.backend]]\nname = \"alf1\"\naddress = \"10.0.0.11\"\n";
const std::string alf2 = "[[pool.alf.backend]]\nname = \"alf2\"\naddress = \"10.0.0.12\"\n";

/// A pool with these settings and two backends.
std::string with(const std::string& settings) {
    return listener + "[pool.alf]\n" + settings + alf1 + alf2;
}

TEST(LoadFailover, is_off_unless_it_is_set) {
    const auto pool = loaded(with("")).pools.at(0);
    EXPECT_EQ(pool.failover, Failover::off);
    EXPECT_EQ(pool.failover_timeout, std::chrono::seconds(30));
    EXPECT_EQ(pool.failover_samples, 16U << 20);
    EXPECT_FALSE(pool.failover_trust);
    EXPECT_EQ(pool.failover_rate, 200);
    EXPECT_EQ(pool.rebalance, 0);
}

TEST(LoadFailover, a_bare_number_is_a_rate_per_second) {
    EXPECT_EQ(loaded(with("rebalance = 10")).pools.at(0).rebalance, 10);
    EXPECT_EQ(loaded(with("rebalance = 0.5")).pools.at(0).rebalance, 0.5);
    EXPECT_EQ(loaded(with("rebalance = 0")).pools.at(0).rebalance, 0);
    EXPECT_EQ(loaded(with("rebalance = \"off\"")).pools.at(0).rebalance, 0);
    expect({
        {with("rebalance = true"),
         "f:6:13: pool.alf.rebalance: rebalance is a boolean (use a rate: \"off\", or \"0.01/s\" "
         "to "
         "\"10000/s\")\n"},
        {with("rebalance = \"10\""),
         "f:6:13: pool.alf.rebalance: '10' has no unit (add /s, /min or /h, as in \"10/s\")\n"},
        {with("rebalance = -1"),
         "f:6:13: pool.alf.rebalance: '-1/s' is not a rate (write a number "
         "and a unit (/s, /min or /h), such as \"10/s\")\n"},
        {with("rebalance = inf"),
         "f:6:13: pool.alf.rebalance: 'inf/s' is not a rate (write a number and a unit (/s, /min "
         "or /h), such as \"10/s\")\n"},
        {with("failover_rate = \"off\""),
         "f:6:17: pool.alf.failover_rate: failover_rate is off (use \"0.1/s\" to \"100000/s\")\n"},
    });
}

TEST(LoadFailover, settings_without_effect) {
    const std::string off = " has no effect while failover is \"off\" (use failover = ";
    const std::string both = off + "\"session\" or \"transfer\", or remove ";
    expect_all({
        {with("failover_timeout = \"31s\""),
         "f:6:20: warning: pool.alf.failover_timeout: failover_timeout" + both +
             "failover_timeout)\n"},
        {with("failover_rate = \"10/s\""),
         "f:6:17: warning: pool.alf.failover_rate: failover_rate" + both + "failover_rate)\n"},
        {with("rebalance = \"10/s\""),
         "f:6:13: warning: pool.alf.rebalance: rebalance" + both + "rebalance)\n"},
        {with("failover_trust = true"), "f:6:18: warning: pool.alf.failover_trust: failover_trust" +
                                            off + "\"transfer\", or remove failover_trust)\n"},
        {with("failover = \"session\"\nfailover_samples = \"1MiB\""),
         "f:7:20: warning: pool.alf.failover_samples: failover_samples has no effect while "
         "failover is \"session\" (use failover = \"transfer\", or remove failover_samples)\n"},
        {with("failover = \"session\"\nrebalance = \"1/s\"\nfailover_rate = \"10/s\""), "none"},
        {with("failover = \"transfer\"\nfailover_samples = \"1MiB\"\nfailover_trust = true"),
         "none"},
        // The defaults, as they are written out.
        {with("failover = \"off\"\nfailover_timeout = \"30s\"\nrebalance = \"off\""), "none"},
        // Whether it is off is not known.
        {with("failover = \"on\"\nrebalance = \"10/s\""),
         "f:6:12: pool.alf.failover: unknown word 'on' (use \"off\", \"session\" or "
         "\"transfer\")\n"},
    });
}

TEST(LoadFailover, a_pool_with_one_backend) {
    const auto alone = [](const std::string& settings, const std::string& address) {
        return listener + "[pool.alf]\nfailover = \"session\"\n" + settings +
               "[[pool.alf.backend]]\nname = \"alf1\"\n" + address;
    };
    expect_all({
        {alone("", "address = \"10.0.0.11\""),
         "f:6:12: warning: pool.alf.failover: alf1 is the only backend of the pool, so failover "
         "can only wait until it comes back (add a backend that has the same files)\n"},
        // There may be more than is written here.
        {alone("", "address = \"ftp.example.com\""), "none"},
        {alone("", "srv = \"_ftp._tcp.example.com\""), "none"},
        {alone("backends_file = \"/b\"\n", "address = \"10.0.0.11\""), "none"},
    });
}

TEST(LoadFailover, clients_that_stick) {
    const std::string on = "failover = \"session\"\n";
    expect_all({
        {with(on + "rebalance = \"10/s\"\nstick = { by = \"user\" }"),
         "f:7:13: warning: pool.alf.rebalance: rebalance does not move sessions that stick to "
         "their backend (remove rebalance, or stick)\n"},
        {with(on + "stick = { by = \"user\", otherwise = \"refuse\" }"),
         "f:6:12: warning: pool.alf.failover: stick.otherwise is \"refuse\", so failover can only "
         "wait until a client's own backend comes back (use stick.otherwise = \"choose\", or "
         "failover = \"off\")\n"},
        {with(on + "stick = { by = \"user\" }"), "none"},
        {with(on + "stick = { otherwise = \"refuse\" }"), "none"},
    });
}

TEST(LoadFailover, a_policy_that_places_clients) {
    const std::string on = "failover = \"session\"\nrebalance = \"10/s\"\nbalance = ";
    for (const std::string policy : {"source-hash", "user-hash"})
        expect_all({{with(on + '"' + policy + '"'),
                     "f:7:13: warning: pool.alf.rebalance: rebalance has no effect with balance = "
                     "\"" +
                         policy +
                         "\", which says where sessions belong (use a balance that goes "
                         "by load, such as \"least-transfers\", or remove rebalance)\n"}});
    expect_all({{with(on + "\"random\""), "none"}});
}

TEST(LoadFailover, a_time_that_clients_do_not_wait) {
    expect_all({
        {with("failover = \"session\"\nfailover_timeout = \"6m\""),
         "f:7:20: warning: pool.alf.failover_timeout: 6m is longer than most clients wait for a "
         "reply (use \"5m\" at most)\n"},
        {with("failover = \"session\"\nfailover_timeout = \"5m\""), "none"},
    });
}

TEST(LoadFailover, passthrough) {
    const auto file = [](const std::string& mode) {
        return "[listener.ftp]\nbind = [\"127.0.0.1:21\"]\npool = \"alf\"\n" + mode +
               "[pool.alf]\nfailover = \"session\"\n" + alf1 + "passive_ports = \"50000-50001\"\n" +
               alf2 + "passive_ports = \"50002-50003\"\n";
    };
    const std::string warning =
        ":12: warning: pool.alf.failover: sessions that listener.ftp passes through cannot move to "
        "another backend: Ballast does not see their login (end TLS here with mode = "
        "\"terminate\", or remove failover)\n";
    expect_all({
        {file("mode = \"passthrough\"\n"), "f:6" + warning},
        {file("mode = \"passthrough\"\nplain = true\n"), "f:7" + warning},
    });
}

}  // namespace
}  // namespace ballast::config
