// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy.h"

#include "config/load.h"
#include "migrate/golden.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {
namespace {

const Importer haproxy_importer{.name = "haproxy", .summary = "", .read = import_haproxy};

Written imported(const std::string& text, const std::string& certificate = {}) {
    auto done = run(haproxy_importer, {.file = "f.cfg", .text = text, .certificate = certificate});
    EXPECT_TRUE(done) << text;
    return done ? *std::move(done) : Written();
}

config::Config configuration(const std::string& text, const std::string& certificate = {}) {
    const auto done = imported(text, certificate);
    auto reading = config::read(done.configuration);
    EXPECT_EQ(golden::errors_in(done.configuration), "") << done.configuration;
    return reading.config ? *std::move(reading.config) : config::Config();
}

/// A listen with these lines, and one server.
std::string listen(const std::string& lines) {
    return "listen ftp\n bind 192.0.2.1:21\n server a 192.0.2.11:21\n" + lines;
}

/// Whether a client of this address may connect.
bool is_let_in(const std::string& rules, std::string_view client) {
    const auto config = configuration(listen(rules));
    if (config.listeners.empty()) return false;
    const auto& listener = config.listeners.front();
    const auto is_in = [&](const auto& networks) {
        return std::ranges::any_of(networks, [&](const auto& network) {
            return network.contains(*base::Ip::parse(client));
        });
    };
    return !is_in(listener.deny_from) &&
           (listener.allow_from.empty() || is_in(listener.allow_from));
}

std::vector<std::string> listeners_of(const std::string& text) {
    std::vector<std::string> names;
    for (const auto& listener : configuration(text).listeners) names.push_back(listener.name);
    return names;
}

TEST(Haproxy, RulesLetInWhomHaproxyLetIn) {
    const std::string office = " acl office src 10.0.0.0/8\n";
    const std::string mixed = " acl mixed src 203.0.113.5\n acl mixed fe_conn gt 5\n";
    const std::string connection = " tcp-request connection ";
    const std::string session = " tcp-request session ";
    const std::string content = " tcp-request content ";
    struct Case {
        std::string rules;
        bool is_office_in;
        bool is_other_in;
    };
    const std::vector<Case> cases{
        {"", true, true},
        {connection + "accept\n", true, true},
        {connection + "reject\n", false, false},
        {connection + "reject if TRUE\n", false, false},
        {connection + "reject if FALSE\n", true, true},
        {connection + "reject if office\n", false, true},
        {connection + "reject unless office\n", true, false},
        {connection + "reject if !office\n", true, false},
        {connection + "silent-drop if !office\n", true, false},
        {connection + "accept if office\n" + connection + "reject\n", true, false},
        {connection + "accept\n" + connection + "reject\n", true, true},
        {connection + "reject\n" + connection + "accept if office\n", false, false},
        {connection + "reject if { src 10.0.0.0/8 } or { src 192.0.2.9 }\n", false, true},
        {connection + "accept if { src 192.0.2.7 }\n" + connection + "reject unless office\n", true,
         false},
        {connection + "reject unless office\n" + connection + "reject\n", false, false},
        // What ends one level does not end the next one, whatever the order of the file.
        {connection + "accept\n" + content + "reject unless office\n", true, false},
        {content + "accept\n" + connection + "reject if office\n", false, true},
        {connection + "accept if office\n" + session + "reject\n", false, false},
        // Both tests of `mixed` go with `office`.
        {mixed + connection + "reject if mixed office\n", true, true},
    };
    for (const auto& [rules, is_office_in, is_other_in] : cases) {
        EXPECT_EQ(is_let_in(office + rules, "10.1.2.3"), is_office_in) << rules;
        EXPECT_EQ(is_let_in(office + rules, "203.0.113.5"), is_other_in) << rules;
    }
}

/// A list that means less than the rules did would let strangers in, so such rules are reported.
TEST(Haproxy, RulesThatAreNoListAreReported) {
    std::string many = "reject if { src 192.0.2.1 }";
    for (int i = 0; i < 100; ++i) many += " or { src 198.51.100." + std::to_string(i) + " }";
    const std::vector<std::vector<std::string>> cases{
        {"reject if !a !b"},
        {"reject unless a or b"},
        {"reject unless a", "reject unless b"},
        {"reject unless a", "accept if b", "reject"},
        {"accept if b", "reject unless a", "reject"},
        {"reject if { src -f /etc/list }"},
        {"reject if { src,ipmask(8) 10.0.0.0 }"},
        {"reject if { src -m str 10.0.0.0 }"},
        {"reject if { src_get_gpc0 gt 1 }"},
        {"reject if { fe_conn(web) gt 1 }"},
        {"reject if { src_conn_rate gt 3 }"},
        {"reject if unknown"},
        {"accept if unknown", "reject"},
        {many},
    };
    for (const auto& rules : cases) {
        auto text = listen(
            " acl a src 10.0.0.0/8\n acl b src 192.0.2.0/24\n"
            " stick-table type ip size 1k expire 2m store conn_rate(60s)\n");
        for (const auto& rule : rules) text += " tcp-request connection " + rule + '\n';
        EXPECT_GT(imported(text).report.count(Outcome::unsupported), 0U) << text;
    }
    const auto two_levels = listen(
        " tcp-request session reject unless { src 10.0.0.0/8 }\n"
        " tcp-request connection reject unless { src 10.1.0.0/16 }\n");
    EXPECT_EQ(imported(two_levels).report.count(Outcome::unsupported), 1U);
    EXPECT_TRUE(imported(two_levels).configuration.contains("allow_from = [\"10.1.0.0/16\"]"));
}

/// Rules about connections look at the address of the proxy, whose header names the client.
TEST(Haproxy, RulesAboutProxiesAreNotForClients) {
    const auto of = [](const std::string& rule) {
        return imported(
            "listen ftp\n bind 192.0.2.1:21 accept-proxy\n server a 192.0.2.11:21\n"
            " tcp-request " +
            rule + '\n');
    };
    const auto guard = of("connection reject unless { src 10.0.0.7 }");
    EXPECT_EQ(guard.report.count(Outcome::unsupported), 1U);
    EXPECT_TRUE(guard.configuration.contains("proxy_from = [\"10.0.0.7/32\"]"))
        << guard.configuration;
    EXPECT_FALSE(guard.configuration.contains("allow_from"));
    for (const std::string rule : {"reject if { src 10.0.0.7 }", "accept if { src 10.0.0.7 }",
                                   "reject if { src_conn_cur gt 9 }"})
        EXPECT_EQ(of("connection " + rule).report.count(Outcome::unsupported), 1U) << rule;
    const auto client = of("session reject unless { src 10.0.0.7 }");
    EXPECT_EQ(client.report.count(Outcome::unsupported), 0U);
    EXPECT_TRUE(client.configuration.contains("allow_from"));
}

TEST(Haproxy, LimitsOfBindsAreTheStrictestOnes) {
    const auto binds = [](const std::string& one, const std::string& two) {
        return imported("listen ftp\n maxconn 50\n bind 192.0.2.1:990 ssl crt /a.pem " + one +
                        "\n bind 192.0.2.2:990 ssl crt /a.pem " + two +
                        "\n server a 192.0.2.11:21\n");
    };
    for (const auto& done :
         {binds("maxconn 10", "maxconn 20"), binds("maxconn 20", "maxconn 10")}) {
        EXPECT_TRUE(done.configuration.contains("max_sessions = 10")) << done.configuration;
        EXPECT_EQ(done.report.count(Outcome::unsupported), 0U);
    }
    const auto count = [&](const std::string& one, const std::string& two) {
        return binds(one, two).report.count(Outcome::unsupported);
    };
    EXPECT_EQ(count("ssl-min-ver TLSv1.3", "ssl-min-ver TLSv1.3"), 0U);
    EXPECT_EQ(count("ssl-min-ver TLSv1.3", "ssl-min-ver TLSv1.2"), 1U);
    EXPECT_EQ(count("ssl-min-ver TLSv1.3", ""), 1U);
    EXPECT_EQ(count("ssl-min-ver TLSv1.2", ""), 0U);
    // Two listeners, each with the whole number.
    EXPECT_EQ(count("accept-proxy", ""), 1U);
}

TEST(Haproxy, HeadersAreReadWhereTheBindSaysSo) {
    const auto config = configuration(
        "listen ftp\n bind 192.0.2.1:21\n bind 192.0.2.2:21 accept-proxy\n"
        " bind 192.0.2.3:21\n server a 192.0.2.11:21\n");
    ASSERT_EQ(config.listeners.size(), 2U);
    EXPECT_EQ(config.listeners[0].bind.size(), 2U);
    EXPECT_TRUE(config.listeners[0].proxy_from.empty());
    EXPECT_EQ(config.listeners[1].bind.size(), 1U);
    EXPECT_FALSE(config.listeners[1].proxy_from.empty());
}

TEST(Haproxy, CertificatesOfClientsAreAskedForAsByTheStrictestBind) {
    const auto of = [](const std::string& one, const std::string& two) {
        return imported("listen ftp\n bind 192.0.2.1:990 ssl crt /a.pem " + one +
                        "\n bind 192.0.2.2:990 ssl crt /a.pem " + two +
                        "\n server a 192.0.2.11:21\n");
    };
    const std::string ca = "client_ca = \"/ca.pem\"";
    const std::string strict = "verify required ca-file /ca.pem";
    struct Case {
        std::string one;
        std::string two;
        std::string asks;
        std::size_t unsupported;
    };
    const std::vector<Case> cases{
        {strict, strict, "require", 0},
        {strict, "", "require", 1},
        {"", strict, "require", 1},
        {strict, "verify optional ca-file /ca.pem", "require", 1},
        {strict, "verify required ca-file /other.pem", "require", 1},
        {"verify required ca-verify-file /ca.pem", "verify required ca-verify-file /ca.pem",
         "require", 0},
    };
    for (const auto& [one, two, asks, unsupported] : cases) {
        const auto done = of(one, two);
        EXPECT_EQ(done.report.count(Outcome::unsupported), unsupported) << one << '\n' << two;
        EXPECT_TRUE(done.configuration.contains("client_certificate = \"" + asks + '"'))
            << done.configuration;
        EXPECT_TRUE(done.configuration.contains(ca)) << done.configuration;
    }
    EXPECT_GT(of("verify required", "verify required").report.count(Outcome::unsupported), 0U);
}

TEST(Haproxy, ServesFtpByPortNameServersOrDataPorts) {
    const auto with = [](const std::string& name, const std::string& bind,
                         const std::string& server) {
        return "listen " + name + "\n bind " + bind + "\n server a " + server + "\n";
    };
    const std::string other = with("other", "192.0.2.9:21", "192.0.2.8:21");
    const auto is_ftp = [&](const std::string& text) {
        return listeners_of(other + text).size() == 2;
    };
    EXPECT_TRUE(is_ftp(with("x", ":21", "192.0.2.1:5000")));
    EXPECT_TRUE(is_ftp(with("x", ":2121", "192.0.2.1:5000")));
    EXPECT_TRUE(is_ftp(with("x", ":5000", "192.0.2.1:21")));
    EXPECT_TRUE(is_ftp(with("my-ftp", ":5000", "192.0.2.1:5001")));
    EXPECT_TRUE(
        is_ftp(with("x", ":5000", "192.0.2.1:5001") + with("y", ":6000-6009", "192.0.2.1")));
    EXPECT_FALSE(is_ftp(with("x", ":5000", "192.0.2.1:5001")));
    EXPECT_FALSE(is_ftp(with("my-ftp", ":22", "192.0.2.1:22")));
    EXPECT_FALSE(is_ftp(with("sftp", ":5000", "192.0.2.1:5001")));
    EXPECT_FALSE(is_ftp(with("ftp-data", ":5000", "192.0.2.1:5001")));
    EXPECT_FALSE(is_ftp(with("ftp-web", ":21", "192.0.2.1:21") + " mode http\n"));
    EXPECT_FALSE(is_ftp(with("off", ":21", "192.0.2.1:21") + " disabled\n"));
}

/// A pool of two servers with these parameters, in a proxy with these lines.
config::Pool pool_of(const std::string& lines, const std::string& one, const std::string& two) {
    const auto config =
        configuration("listen ftp\n bind 192.0.2.1:21\n" + lines + " server one 192.0.2.11:21 " +
                      one + "\n server two 192.0.2.12:21 " + two + "\n");
    return config.pools.empty() ? config::Pool() : config.pools.front();
}

TEST(Haproxy, AServerOfWeightZeroIsABackendWithoutNewSessions) {
    const auto pool = pool_of("", "weight 0", "");
    ASSERT_EQ(pool.backends.size(), 2U);
    EXPECT_EQ(pool.backends[0].weight, 0U);
    EXPECT_EQ(pool.backends[1].weight, 1U);
    EXPECT_EQ(pool_of("", "weight 0", "weight 0").backends.size(), 2U);
    // The state that operators give a server is not configuration.
    EXPECT_EQ(pool_of("", "weight 0 disabled", "").backends.size(), 1U);
    EXPECT_EQ(pool_of("", "disabled", "weight 0").backends.size(), 1U);
}

TEST(Haproxy, TheFirstSourceOfAPoolCounts) {
    using enum config::Source::Kind;
    const auto of = [](const std::string& line, const std::string& one, const std::string& two) {
        return pool_of(line.empty() ? "" : " source " + line + '\n', one, two).source;
    };
    const config::Source here{addresses, {*base::Ip::parse("192.0.2.9")}};
    EXPECT_EQ(of("", "", ""), config::Source());
    EXPECT_EQ(of("192.0.2.9", "", ""), here);
    EXPECT_EQ(of("192.0.2.9:0", "", ""), here);
    EXPECT_EQ(of("ipv4@192.0.2.9:1025-2000 interface eth0", "", ""), here);
    EXPECT_EQ(of("192.0.2.9", "source 192.0.2.8", "").addresses.front(),
              *base::Ip::parse("192.0.2.8"));
    EXPECT_EQ(of("192.0.2.9", "source 0.0.0.0", ""), here);
    EXPECT_EQ(of("", "", "source 192.0.2.9"), here);
    EXPECT_EQ(of("0.0.0.0 usesrc clientip", "", "").kind, client);
    EXPECT_EQ(of("192.0.2.9", "source 192.0.2.8 usesrc client", "").kind, client);
    for (const std::string other :
         {"0.0.0.0", "*", ":1025", "[::]", "example.com", "/run/here", "192.0.2.9 usesrc 192.0.2.8",
          "192.0.2.9 usesrc hdr_ip(x-forwarded-for)"})
        EXPECT_EQ(of(other, "", ""), config::Source()) << other;
}

TEST(Haproxy, ASourceThatNotAllServersHaveIsReported) {
    const auto told = [](const std::string& lines, Outcome outcome) {
        const auto done = imported("listen ftp\n bind 192.0.2.1:21\n" + lines);
        return std::ranges::any_of(done.report.sorted(), [&](const Entry& entry) {
            return entry.directive.contains("source") && entry.outcome == outcome;
        });
    };
    const std::string one = " server one 192.0.2.11:21 source 192.0.2.9\n";
    const std::string two = " server two 192.0.2.12:21";
    EXPECT_FALSE(told(one + two + " source 192.0.2.9\n", Outcome::approximated));
    EXPECT_FALSE(told(" source 192.0.2.9\n" + one + two + '\n', Outcome::approximated));
    EXPECT_TRUE(told(one + two + " source 192.0.2.8\n", Outcome::approximated));
    EXPECT_TRUE(told(one + two + '\n', Outcome::approximated));
    EXPECT_TRUE(told(one + two + " source 192.0.2.9:1025-2000\n", Outcome::unsupported));
}

TEST(Haproxy, DataPortsOfEachServerPassTlsThrough) {
    const std::string control =
        "frontend f\n bind :21\n default_backend b\nbackend b\n server a 192.0.2.1:21\n server b "
        "192.0.2.2:21\n";
    const auto data = [](const std::string& name, const std::string& ports,
                         const std::string& server) {
        return "listen " + name + "\n bind :" + ports + "\n server x " + server + "\n";
    };
    const auto mode = [&](const std::string& more, const std::string& certificate = {}) {
        return configuration(control + more, certificate).listeners.at(0).mode;
    };
    using enum config::ListenerMode;
    const auto a = data("a", "4000-4009", "192.0.2.1");
    EXPECT_EQ(mode(a + data("b2", "4010-4019", "192.0.2.2")), passthrough);
    EXPECT_EQ(mode(a + data("b2", "4010-4019", "192.0.2.2"), "/c.pem"), terminate);
    // A server without ports of its own, with those of another, or with others than the clients'.
    EXPECT_EQ(mode(a), terminate);
    EXPECT_EQ(mode(a + data("b2", "4005-4019", "192.0.2.2")), terminate);
    EXPECT_EQ(mode(a + data("b2", "4010-4019", "192.0.2.2:+100")), terminate);
    EXPECT_EQ(mode(a + data("b2", "4010-4014", "192.0.2.2") + data("b3", "4016-4019", "192.0.2.2")),
              terminate);
}

TEST(Haproxy, PlainClientsHavePortsThatNobodyElseHas) {
    const auto config = configuration(
        "frontend f\n bind :21\n default_backend b\nbackend b\n server a 192.0.2.1:21\n"
        "listen d\n bind :20000-20099\n server a 192.0.2.1\n"
        "listen g\n bind :2121\n bind :20100-20149\n server a 192.0.2.3:21\n server b "
        "192.0.2.4:21\n");
    ASSERT_EQ(config.listeners.size(), 2U);
    EXPECT_EQ(config.listeners[0].passive_ports, (base::PortRange{20150, 20249}));
    EXPECT_EQ(config.listeners[1].passive_ports, (base::PortRange{20100, 20149}));
}

TEST(Haproxy, NamesAreThoseThatBallastTakes) {
    const auto config = configuration(
        "listen ftp.example.com:a\n bind :21\n server 1.2/x 192.0.2.1:21\n server 1.2.x "
        "192.0.2.2:21\n");
    ASSERT_EQ(config.listeners.size(), 1U);
    EXPECT_EQ(config.listeners[0].name, "ftp-example-com-a");
    ASSERT_EQ(config.pools[0].backends.size(), 2U);
    EXPECT_EQ(config.pools[0].backends[0].name, "1-2-x");
    EXPECT_EQ(config.pools[0].backends[1].name, "1-2-x-2");
}

TEST(Haproxy, PasswordsOfChecksAreNotInTheReport) {
    const auto done =
        imported(listen(" option tcp-check\n tcp-check send \"PASS s3cret\\r\\n\"\n"
                        " tcp-check send-lf pass\\ s3cret\n"
                        " tcp-check send \"PASS s3cret\\r\\n\" comment login\n"));
    EXPECT_FALSE(text_of(done.report).contains("s3cret"));
    EXPECT_FALSE(done.configuration.contains("s3cret"));
}

/// The entry of the report whose directive begins like this.
Entry entry_of(const std::string& text, std::string_view directive) {
    for (const auto& entry : imported(text).report.sorted())
        if (entry.directive.starts_with(directive)) return entry;
    return {{}, "none", Outcome::mapped, ""};
}

TEST(Haproxy, ATimeOfZeroIsForEverOnlyAsATimeout) {
    using namespace std::chrono_literals;
    const auto none = pool_of("", "", "");
    const auto pool = pool_of(" timeout connect 0\n", "slowstart 0 tcp-ut 0", "");
    EXPECT_EQ(pool.connect_timeout, 24h);
    EXPECT_EQ(pool.slow_start, none.slow_start);
    EXPECT_EQ(pool.tcp_user_timeout, none.tcp_user_timeout);
    const auto resolved = configuration(
        "resolvers r\n hold valid 0\nlisten ftp\n bind 192.0.2.1:21\n"
        " server a a.example.com:21 resolvers r\n");
    EXPECT_EQ(resolved.pools.at(0).resolve_interval, none.resolve_interval);
}

TEST(Haproxy, AMaxconnOfZeroIsNoBound) {
    const auto done = imported(listen(" server b 192.0.2.12:21 maxconn 0\n"));
    EXPECT_FALSE(done.configuration.contains("max_sessions")) << done.configuration;
    EXPECT_FALSE(done.configuration.contains("queue")) << done.configuration;
    EXPECT_TRUE(imported(listen(" server b 192.0.2.12:21 maxconn 5\n"))
                    .configuration.contains("[pool.ftp.queue]"));
}

TEST(Haproxy, TooManyParametersAreAnError) {
    const auto is_read = [](const std::string& text) {
        return run(haproxy_importer, {.file = "f.cfg", .text = text}).has_value();
    };
    std::string many;
    for (int i = 0; i < 300; ++i) many += " x" + std::to_string(i);
    EXPECT_FALSE(is_read(listen(" default-server" + many + '\n')));
    EXPECT_FALSE(is_read(listen(" server b 192.0.2.12:21" + many + '\n')));
    EXPECT_FALSE(is_read(listen(" bind 192.0.2.2:21" + many + '\n')));
    auto servers = listen(" default-server" + many.substr(0, 1000) + '\n');
    for (int i = 0; i < 1500; ++i) servers += " server s" + std::to_string(i) + " 192.0.2.12:21\n";
    EXPECT_FALSE(is_read(servers));
}

TEST(Haproxy, ReportsClaimNoMoreThanWasDone) {
    const auto outcome = [](const std::string& lines, std::string_view directive) {
        return entry_of(listen(lines), directive).outcome;
    };
    using enum Outcome;
    const std::string stick = " stick on src\n stick-table type ip size 1k expire ";
    EXPECT_EQ(outcome(stick + "7d\n", "stick-table"), mapped);
    EXPECT_EQ(outcome(stick + "30d\n", "stick-table"), approximated);
    EXPECT_EQ(outcome(stick + "0\n", "stick-table"), approximated);
    const std::string factor = " hash-balance-factor 150\n balance ";
    EXPECT_EQ(outcome(factor + "source\n", "hash-balance-factor"), mapped);
    EXPECT_EQ(outcome(factor + "random\n", "hash-balance-factor"), approximated);
    const std::string list = " acl a src 192.0.2.0/24\n tcp-request connection reject if a";
    EXPECT_EQ(outcome(list + '\n', "acl"), mapped);
    EXPECT_EQ(outcome(list + " !b\n", "acl"), not_needed);
    EXPECT_EQ(
        outcome(" use_backend b if unknown\nbackend b\n server c 192.0.2.13:21\n", "backend b"),
        unsupported);
    EXPECT_EQ(
        entry_of("listen ftp\n bind :990 ssl crt /a\xff.pem\n server a 192.0.2.11:21\n", "crt")
            .outcome,
        unsupported);
}

TEST(Haproxy, AFileWithoutFtpSaysSo) {
    const auto done = imported("listen web\n mode http\n bind :80\n server a 192.0.2.1:80\n");
    EXPECT_TRUE(text_of(done.report).contains("no proxy in it serves FTP"));
}

}  // namespace
}  // namespace ballast::migrate
