// SPDX-License-Identifier: Apache-2.0
#include "migrate/proftpd.h"

#include "config/load.h"
#include "migrate/golden.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {
namespace {

const Importer proftpd_importer{.name = "proftpd", .summary = "", .read = import_proftpd};

/// A reverse proxy with these lines.
Written imported(const std::string& lines) {
    auto done =
        run(proftpd_importer, {.file = "p.conf",
                               .text = "ProxyEngine on\nProxyRole reverse\n"
                                       "ProxyReverseServers ftp://192.0.2.1 ftp://192.0.2.2\n" +
                                       lines});
    EXPECT_TRUE(done) << lines;
    return done ? *std::move(done) : Written();
}

config::Config configuration(const std::string& lines) {
    const auto done = imported(lines);
    auto reading = config::read(done.configuration);
    EXPECT_EQ(golden::errors_in(done.configuration), "") << done.configuration;
    return reading.config ? *std::move(reading.config) : config::Config();
}

bool is_let_in(const std::string& lines, std::string_view client) {
    const auto config = configuration(lines);
    const auto& listener = config.listeners.at(0);
    const auto is_in = [&](const auto& networks) {
        return std::ranges::any_of(networks, [&](const auto& network) {
            return network.contains(*base::Ip::parse(client));
        });
    };
    return !is_in(listener.deny_from) &&
           (listener.allow_from.empty() || is_in(listener.allow_from));
}

TEST(Proftpd, LimitsOfLoginLetInWhomProftpdLetIn) {
    struct Case {
        std::string limit;
        bool is_office_in;
        bool is_other_in;
    };
    const std::vector<Case> cases{
        {"AllowAll", true, true},
        {"DenyAll", false, false},
        {"Deny from all", false, false},
        {"Allow from 10.\nDenyAll", true, false},
        {"Allow from 10.0.0.0/8, 192.0.2.7\nDeny from all", true, false},
        {"Deny from 10.1.2.3", false, true},
        {"DenyClass office", false, true},
        {"AllowAll\nDenyAll", true, true},
        {"Allow from all\nDeny from 10.0.0.0/8", true, true},
        {"Order allow,deny\nAllow from 10.\nDeny from 10.1.2.3\nDenyAll", true, false},
        // Denials come first, and others are refused.
        {"Order deny,allow\nAllowClass office\nDenyAll", false, false},
        {"Order deny,allow\nAllow from 10.0.0.0/8", true, false},
        {"Order deny,allow\nAllowClass office", true, false},
        {"Order deny, allow\nAllow from 10.0.0.0/8\nDeny from 10.1.2.3", false, false},
        {"Order Deny,Allow\nAllowAll\nDeny from 10.1.2.3", false, true},
        {"Order deny,allow\nDeny from 192.0.2.1", false, false},
        // Each of several has to let a client in.
        {"Deny from 10.1.2.3\n</Limit>\n<Limit LOGIN>\nDeny from 203.0.113.5", false, false},
        {"Allow from 10.\nDenyAll\n</Limit>\n<Limit LOGIN>\nDeny from 10.1.2.3", false, false},
        {"DenyAll\n</Limit>\n<Limit LOGIN>\nAllow from 10.\nDenyAll", false, false},
    };
    const std::string office =
        "<Class office>\nFrom 10.0.0.0/8\n</Class>\n<Class home>\nFrom 10.1.\n</Class>\n";
    for (const auto& [limit, is_office_in, is_other_in] : cases) {
        const auto lines = office + "<Limit LOGIN>\n" + limit + "\n</Limit>\n";
        EXPECT_EQ(is_let_in(lines, "10.1.2.3"), is_office_in) << limit;
        EXPECT_EQ(is_let_in(lines, "203.0.113.5"), is_other_in) << limit;
    }
}

/// A listener that allows more than the file did would be a hole, so such limits are reported.
TEST(Proftpd, LimitsThatAreNoListAreReported) {
    for (const std::string limit :
         {"<Limit LOGIN>\nAllow from example.com\nDenyAll\n</Limit>\n",
          "<Limit LOGIN>\nAllowUser ann\nDenyAll\n</Limit>\n",
          "<Limit LOGIN>\nDenyClass nobody\n</Limit>\n", "<Limit RETR>\nDenyUser bob\n</Limit>\n",
          "<Limit ALL>\nDenyAll\n</Limit>\n", "<Limit STOR>\nAllow from 10.\nDenyAll\n</Limit>\n",
          "<Limit WRITE>\nDeny from 192.0.2.1\n</Limit>\n",
          "<Limit STOR>\nOrder deny,allow\nAllow from 10.\n</Limit>\n",
          "<Limit LOGIN>\nOrder allow\nAllow from 10.\n</Limit>\n",
          "<Limit LOGIN>\nAllow from 10.\nDenyAll\n</Limit>\n"
          "<Limit LOGIN>\nAllow from 10.1.\nDenyAll\n</Limit>\n",
          // A client has the first class only that it is in.
          "<Class b>\nFrom 10.1.0.0/16\n</Class>\n<Class c>\nFrom 10.0.0.0/8\n</Class>\n"
          "<Limit LOGIN>\nAllowClass c\nDenyAll\n</Limit>\n",
          "<Class b>\nFrom example.com\n</Class>\n<Class c>\nFrom 10.0.0.0/8\n</Class>\n"
          "<Limit LOGIN>\nAllowClass c\nDenyAll\n</Limit>\n",
          "<Class c>\nFrom 10.0.0.0/8\nFrom 10.1.0.0/16\nSatisfy all\n</Class>\n"
          "<Limit LOGIN>\nAllowClass c\nDenyAll\n</Limit>\n"})
        EXPECT_GT(imported(limit).report.count(Outcome::unsupported), 0U) << limit;
}

TEST(Proftpd, LimitsOfCommandsAreForEverybody) {
    const auto config = configuration(
        "<Limit DELE site_chmod>\nDenyAll\n</Limit>\n<Limit WRITE>\nDenyAll\n</Limit>\n");
    const auto& listener = config.listeners.at(0);
    EXPECT_EQ(listener.deny_commands, (std::vector<std::string>{"DELE", "SITE"}));
    EXPECT_TRUE(listener.read_only);
    EXPECT_TRUE(
        configuration("<Limit WRITE>\nOrder deny,allow\n</Limit>\n").listeners.at(0).read_only);
}

TEST(Proftpd, TheLowestOfSeveralLimitsCounts) {
    const auto most = [](const std::string& lines) {
        return configuration(lines).limits.sessions_per_address;
    };
    EXPECT_EQ(most("MaxConnectionsPerHost 2\nMaxClientsPerHost 100\n"), 2U);
    EXPECT_EQ(most("MaxConnectionsPerHost 100\nMaxClientsPerHost 2\n"), 2U);
    const std::string host =
        "MaxClientsPerHost 2\n<VirtualHost 192.0.2.9>\nProxyEngine on\n"
        "ProxyReverseServers ftp://192.0.2.3\nPassivePorts 31000 31100\nMaxClientsPerHost 100\n"
        "</VirtualHost>\n";
    EXPECT_EQ(most(host), 2U);
    EXPECT_TRUE(text_of(imported(host).report).contains("the lowest number in the file"));
}

TEST(Proftpd, TlsTowardsServersFollowsEngineAndScheme) {
    using enum config::BackendTlsMode;
    const auto mode = [](const std::string& lines) {
        return configuration(lines).pools.at(0).backends.back().tls.mode;
    };
    EXPECT_EQ(mode(""), off);
    EXPECT_EQ(mode("ProxyTLSEngine off\n"), off);
    EXPECT_EQ(mode("ProxyTLSEngine on\n"), explicit_tls);
    EXPECT_EQ(mode("ProxyTLSEngine auto\n"), explicit_tls);
    EXPECT_EQ(mode("ProxyTLSEngine MATCHCLIENT\n"), as_client);
    EXPECT_EQ(mode("ProxyReverseServers ftps://192.0.2.3\n"), explicit_tls);
    EXPECT_EQ(mode("ProxyReverseServers ftps://192.0.2.3:990\n"), implicit_tls);
    EXPECT_EQ(mode("ProxyTLSEngine on\nProxyReverseServers ftp://192.0.2.3:990\n"), implicit_tls);
    EXPECT_EQ(mode("ProxyReverseServers ftp://192.0.2.3:990\n"), off);
}

TEST(Proftpd, TlsTowardsServersIsReportedWithoutItsDirective) {
    const auto says = [](const std::string& lines, const std::string& text) {
        return text_of(imported(lines).report).contains("(no ProxyTLSEngine): " + text);
    };
    EXPECT_TRUE(says("", "no TLS towards the servers"));
    EXPECT_TRUE(says("TLSEngine on\nTLSRSACertificateFile /etc/ftp.pem\n", "tls.mode ="));
    EXPECT_FALSE(says("ProxyTLSEngine off\n", ""));
}

TEST(Proftpd, DataAreDirectWhereNoTlsIsInTheWay) {
    const auto path = [](const std::string& lines) {
        return configuration("ProxyOptions UseDirectDataTransfers\n" + lines).pools.at(0).data;
    };
    const std::string certificate = "TLSRSACertificateFile /etc/ftp.pem\n";
    EXPECT_EQ(path(""), config::DataPath::direct);
    EXPECT_EQ(path("TLSEngine off\nProxyTLSEngine off\n"), config::DataPath::direct);
    EXPECT_EQ(path("TLSEngine on\nProxyTLSEngine off\n" + certificate), config::DataPath::relay);
    EXPECT_EQ(path("ProxyTLSEngine on\n"), config::DataPath::relay);
    EXPECT_EQ(path("ProxyTLSEngine MatchClient\n"), config::DataPath::relay);
    EXPECT_EQ(path("ProxyReverseServers ftps://192.0.2.3\n"), config::DataPath::relay);
    EXPECT_EQ(configuration("").pools.at(0).data, config::DataPath::relay);
}

TEST(Proftpd, DirectDataUseTheClientsOwnCommand) {
    const std::string lines =
        "ProxyOptions UseDirectDataTransfers\nProxyDataTransferPolicy active\n";
    const auto reading = config::read(imported(lines).configuration);
    for (const auto& problem : reading.problems)
        ADD_FAILURE() << config::to_string(problem, "written");
}

TEST(Proftpd, TheSourceIsAnAddress) {
    const auto source = [](const std::string& text) {
        return configuration("ProxySourceAddress " + text + '\n').pools.at(0).source.addresses;
    };
    EXPECT_EQ(source("192.0.2.9"), std::vector{*base::Ip::parse("192.0.2.9")});
    EXPECT_EQ(source("2001:db8::9"), std::vector{*base::Ip::parse("2001:db8::9")});
    for (const std::string other : {"eth0", "example.com", "0.0.0.0", "::"})
        EXPECT_TRUE(source(other).empty()) << other;
}

TEST(Proftpd, AFileWithoutReverseProxySaysSo) {
    const auto done = run(proftpd_importer, {.file = "p.conf", .text = "Port 21\n"});
    ASSERT_TRUE(done);
    EXPECT_TRUE(text_of(done->report).contains("no server in it is a reverse proxy"));
}

}  // namespace
}  // namespace ballast::migrate
