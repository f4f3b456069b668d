// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace ballast::migrate {
namespace {

Import imported(const std::string& text, const std::string& certificate = {}) {
    auto result = import_keepalived({.file = "f", .text = text, .certificate = certificate});
    EXPECT_TRUE(result) << text;
    return result ? std::move(*result) : Import();
}

/// A virtual server with these directives, and a server with those.
std::string service(const std::string& service, const std::string& server = {},
                    const std::string& check = {}) {
    return fmt::format(
        "virtual_server 192.0.2.1 21 {{\nprotocol TCP\n{}\nreal_server 10.0.0.1 21 {{\n{}\n"
        "TCP_CHECK {{\n{}\n}}\n}}\n}}\n",
        service, server, check);
}

std::string probe(const std::string& text, std::string_view key) {
    const auto draft = imported(text).draft;
    const auto* const setting = draft.pools.empty() ? nullptr : draft.pools[0].probe.find(key);
    return setting == nullptr ? "none" : setting->value.toml();
}

TEST(KeepalivedTest, TimersOfAServerComeBeforeTheServicesAndThoseOfACheckBeforeBoth) {
    struct Row {
        const char* word;
        const char* key;
        const char* otherwise;  ///< keepalived's default
    };
    for (const auto& [word, key, otherwise] :
         {Row{"delay_loop", "interval", "\"1m\""}, Row{"connect_timeout", "timeout", "\"5s\""},
          Row{"delay_before_retry", "fast_interval", "\"1s\""}}) {
        const auto with = [&](int seconds) { return fmt::format("{} {}", word, seconds); };
        EXPECT_EQ(probe(service(""), key), otherwise);
        EXPECT_EQ(probe(service(with(7)), key), "\"7s\"") << word;
        EXPECT_EQ(probe(service(with(7), with(8)), key), "\"8s\"") << word;
        EXPECT_EQ(probe(service(with(7), with(8), with(9)), key), "\"9s\"") << word;
        EXPECT_EQ(probe(service("", "", with(9)), key), "\"9s\"") << word;
    }
    EXPECT_EQ(probe(service(""), "fall"), "2");
    EXPECT_EQ(probe(service("retry 4"), "fall"), "5");
    EXPECT_EQ(probe(service("retry 4", "retry 3"), "fall"), "4");
    EXPECT_EQ(probe(service("retry 4", "retry 3", "retry 0"), "fall"), "1");
    EXPECT_EQ(probe(service("retry 4000000000"), "fall"), "100");
    // Only a check may do without another attempt.
    EXPECT_EQ(probe(service("retry 0"), "fall"), "2");
    EXPECT_EQ(probe(service("", "retry 0"), "fall"), "2");
}

TEST(KeepalivedTest, AScriptHasTheIntervalOfTheServiceAsItsTimeout) {
    const auto with = [](const std::string& service, const std::string& server,
                         const std::string& check) {
        return fmt::format(
            "virtual_server 192.0.2.1 21 {{\nprotocol TCP\n{}\nreal_server 10.0.0.1 21 {{\n{}\n"
            "MISC_CHECK {{\nmisc_path /bin/check\n{}\n}}\n}}\n}}\n",
            service, server, check);
    };
    EXPECT_EQ(probe(with("", "", ""), "type"), "\"script\"");
    EXPECT_EQ(probe(with("", "", ""), "timeout"), "\"1m\"");
    EXPECT_EQ(probe(with("delay_loop 7", "delay_loop 3", ""), "timeout"), "\"7s\"");
    EXPECT_EQ(probe(with("delay_loop 7", "", "misc_timeout 2"), "timeout"), "\"2s\"");
    EXPECT_EQ(probe(with("", "", ""), "fall"), "1");
    EXPECT_EQ(probe(with("", "", "misc_dynamic"), "type"), "\"banner\"");
    EXPECT_EQ(probe(with("", "", "misc_path check"), "type"), "\"banner\"");
    EXPECT_EQ(probe(with("", "", "misc_path \"/a 10.0.0.1\""), "script"), "\"/a\"");
    EXPECT_EQ(probe(with("", "", "misc_path \"/a 10.0.0.1 21\""), "script"), "\"/a\"");
    EXPECT_EQ(probe(with("", "", "misc_path \"/a 10.0.0.1 22\""), "script"), "none");
    EXPECT_EQ(probe(with("", "", "misc_path \"/a\\n\""), "script"), "none");
    EXPECT_EQ(probe(with("", "", "misc_path /" + std::string(5000, 'a')), "script"), "none");
}

TEST(KeepalivedTest, WhatIsOffIsReportedAsOff) {
    const auto report = text_of(imported(service("", "smtp_alert off\nalpha no")).report);
    EXPECT_TRUE(report.contains("smtp_alert off: it is off")) << report;
    EXPECT_TRUE(report.contains("alpha no: it is off")) << report;
}

TEST(KeepalivedTest, TimersMayHaveDecimalsAndAreBounded) {
    EXPECT_EQ(probe(service("delay_loop 2.71828"), "interval"), "\"2718ms\"");
    EXPECT_EQ(probe(service("delay_loop 0.0001"), "interval"), "\"1ms\"");
    EXPECT_EQ(probe(service("delay_loop 1e9"), "interval"), "\"24h\"");
    EXPECT_EQ(probe(service("delay_loop -1"), "interval"), "\"1m\"");
    EXPECT_EQ(probe(service("delay_loop nan"), "interval"), "\"1m\"");
    EXPECT_EQ(probe(service("delay_loop"), "interval"), "\"1m\"");
    EXPECT_EQ(probe(service("delay_loop 0"), "interval"), "\"1m\"");
    EXPECT_EQ(probe(service("connect_timeout inf"), "timeout"), "\"5s\"");
}

TEST(KeepalivedTest, TheFastIntervalIsNeverLongerThanTheInterval) {
    EXPECT_EQ(probe(service("delay_loop 2", "delay_before_retry 5"), "fast_interval"), "none");
    EXPECT_EQ(probe(service("delay_loop 1"), "fast_interval"), "none");
}

std::string backend(const std::string& text, std::string_view key) {
    const auto draft = imported(text).draft;
    if (draft.pools.empty() || draft.pools[0].backends.empty()) return "no backend";
    const auto* const setting = draft.pools[0].backends[0].settings.find(key);
    return setting == nullptr ? "none" : setting->value.toml();
}

TEST(KeepalivedTest, AServerOfWeightZeroIsABackendWhateverTheScheduler) {
    for (const auto* const scheduler : {"rr", "wrr", "lc", "wlc", "sh", "fo", "ovf", "twos"}) {
        const auto with = [&](const std::string& more) {
            return service(fmt::format("lvs_sched {}\n{}", scheduler, more), "weight 0");
        };
        EXPECT_EQ(backend(with(""), "weight"), "0") << scheduler;
        EXPECT_EQ(backend(with(""), "max_sessions"), "none") << scheduler;
        // As the sorry server it serves when no other one can.
        EXPECT_EQ(backend(with("sorry_server 10.0.0.1 21"), "weight"), "none") << scheduler;
        EXPECT_EQ(backend(with("sorry_server 10.0.0.1 21"), "backup"), "true") << scheduler;
    }
    EXPECT_EQ(backend(service("weight 3", "weight 0"), "weight"), "0");
    // Keepalived refuses it for a virtual server.
    EXPECT_EQ(backend(service("weight 0"), "weight"), "1");
    EXPECT_EQ(imported(service("weight 0")).report.count(Outcome::unsupported), 1U);
}

TEST(KeepalivedTest, TheFileNamesTheCounterpartsOfEachMethod) {
    const auto notes = [](const std::string& method) {
        std::string text;
        const auto draft = imported(service(method)).draft;
        for (const auto& note : draft.pools.at(0).settings.notes()) text += note;
        EXPECT_EQ(draft.pools.at(0).settings.find("source"), nullptr);
        EXPECT_EQ(draft.pools.at(0).settings.find("data"), nullptr);
        return text;
    };
    for (const auto* const nat : {"", "lb_kind NAT", "lvs_method NAT"}) {
        EXPECT_TRUE(notes(nat).contains("source = \"client\"")) << nat;
        EXPECT_FALSE(notes(nat).contains("data = \"direct\"")) << nat;
    }
    for (const auto* const other : {"lb_kind DR", "lvs_method TUN type gre"}) {
        EXPECT_FALSE(notes(other).contains("source = \"client\"")) << other;
        EXPECT_TRUE(notes(other).contains("data = \"direct\"")) << other;
    }
}

TEST(KeepalivedTest, WhatIsNotANumberIsReported) {
    for (const auto* const line :
         {"delay_loop often", "delay_loop 0", "connect_timeout inf", "delay_before_retry 0",
          "retry x", "persistence_timeout 0", "persistence_timeout x"})
        EXPECT_EQ(imported(service(line)).report.count(Outcome::unsupported), 1U) << line;
    EXPECT_EQ(imported(service("delay_loop 1e9")).report.count(Outcome::approximated), 1U);
    EXPECT_EQ(imported(service("", "", "retry 0")).report.count(Outcome::unsupported), 0U);
}

TEST(KeepalivedTest, TheTimeoutOfAScriptCountsOnlyWithTheScript) {
    const auto with = [](const std::string& path, const std::string& timeout) {
        return imported(fmt::format("virtual_server 192.0.2.1 21 {{\nprotocol TCP\nreal_server "
                                    "10.0.0.1 21 {{\nMISC_CHECK {{\nmisc_path {}\nmisc_timeout "
                                    "{}\n}}\n}}\n}}\n",
                                    path, timeout))
            .report.count(Outcome::unsupported);
    };
    EXPECT_EQ(with("/bin/check", "2"), 0U);
    EXPECT_EQ(with("/bin/check", "0"), 1U);
    EXPECT_EQ(with("\"/bin/check -x\"", "2"), 2U);
}

TEST(KeepalivedTest, ATimeoutOfIpvsThatIsNotSetChangesNothing) {
    const auto with = [](const std::string& timeouts) {
        const auto done =
            imported("global_defs {\nlvs_timeouts " + timeouts + "\n}\n" + service(""));
        const auto* const setting = done.draft.listeners.at(0).settings.find("idle_timeout");
        return fmt::format("{} {}", setting == nullptr ? "none" : setting->value.toml(),
                           done.report.count(Outcome::unsupported));
    };
    EXPECT_EQ(with("tcp 900 udp 300"), "\"15m\" 0");
    EXPECT_EQ(with("tcp 0 udp 300"), "none 0");
    EXPECT_EQ(with("udp 300"), "none 0");
    EXPECT_EQ(with("tcp x"), "none 1");
}

/// The addresses of a listener for a group with this line.
std::string group(const std::string& line) {
    const auto done = imported("virtual_server_group g {\n" + line +
                               "\n}\nvirtual_server group g {\nprotocol TCP\nreal_server "
                               "10.0.0.1 21 {\n}\n}\n");
    if (done.draft.listeners.empty()) return "none";
    return done.draft.listeners[0].settings.find("bind")->value.toml();
}

TEST(KeepalivedTest, RangesOfAGroupEndWhereTheySay) {
    EXPECT_EQ(group("192.0.2.1-3 21"), R"(["192.0.2.1:21", "192.0.2.2:21", "192.0.2.3:21"])");
    EXPECT_EQ(group("255.255.255.254-255 21"), R"(["255.255.255.254:21", "255.255.255.255:21"])");
    EXPECT_EQ(group("2001:db8::fffe-ffff 21"), R"(["[2001:db8::fffe]:21", "[2001:db8::ffff]:21"])");
    EXPECT_EQ(group("192.0.2.1-192.0.2.2 21"), R"(["192.0.2.1:21", "192.0.2.2:21"])");
    // Nothing is taken of a range that is wrong or too large.
    for (const auto* const line :
         {"192.0.2.3-1 21", "192.0.2.3-192.0.2.1 21", "192.0.0.0-192.0.255.255 21",
          "2001:db8::1-2001:db9::2 21", "192.0.2.1-2001:db8::1 21"})
        EXPECT_EQ(group(line), "none") << line;
}

TEST(KeepalivedTest, SecretsAreNotReported) {
    const auto done = imported(
        "vrrp_instance a {\nauthentication {\nauth_type PASS\nauth_pass geheim\n}\nauth_hmac "
        "{\nkey 1 geheim\n}\n}\nSSL {\npassword geheim\n}\n");
    EXPECT_FALSE(text_of(done.report).contains("geheim"));
    EXPECT_TRUE(done.remainder.contains("auth_pass geheim"));
}

TEST(KeepalivedTest, WithACertificateTlsEndsAtTheListener) {
    const auto every = imported(
        "virtual_server 192.0.2.1 {\nprotocol TCP\npersistence_timeout 5\nreal_server 10.0.0.1 "
        "{\n}\n}\n",
        "/c.pem");
    const auto& draft = every.draft;
    ASSERT_EQ(draft.listeners.size(), 1U);
    EXPECT_EQ(draft.listeners[0].tls.find("certificate")->value.toml(), "\"/c.pem\"");
    EXPECT_EQ(draft.listeners[0].settings.find("mode"), nullptr);
    EXPECT_EQ(draft.pools[0].tls.find("mode")->value.toml(), "\"as-client\"");
    EXPECT_EQ(every.report.count(Outcome::unsupported), 0U);
}

TEST(KeepalivedTest, AddressesOfManyServicesAreBounded) {
    std::string text = "virtual_server_group g {\n192.0.0.0-192.0.3.199 21\n}\n";
    for (int i = 0; i < 50; ++i) text += "virtual_server group g {\nprotocol TCP\n}\n";
    const auto report = text_of(imported(text).report);
    EXPECT_TRUE(report.contains("the virtual servers have more than 10000 addresses")) << report;
    text.clear();
    for (int i = 0; i < 2001; ++i) text += "virtual_server fwmark 1 {\n}\n";
    EXPECT_TRUE(text_of(imported(text).report).contains("more than 2000 virtual servers"));
}

TEST(KeepalivedTest, AWholeFileThatIncludesItselfIsRefused) {
    auto machine = empty_machine();
    machine.read_file = [](const std::string&) -> base::Result<std::string> {
        return std::string("include f\ninclude f\n");
    };
    const auto done = import_keepalived({.file = "f", .text = "include f", .machine = machine});
    ASSERT_FALSE(done);
    EXPECT_LE(done.error().size(), 20U);
}

}  // namespace
}  // namespace ballast::migrate
