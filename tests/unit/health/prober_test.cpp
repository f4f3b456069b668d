// SPDX-License-Identifier: Apache-2.0
#include "health/prober.h"

#include "metrics/counters.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"
#include "support/log_lines.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <optional>

namespace ballast::health {
namespace {

using namespace std::chrono_literals;
using config::ProbeType;
using pool::Health;

class ProberTest : public testing::Test {
protected:
    ProberTest() {
        settings.name = "files";
        config::Backend configured;
        configured.name = "alf1";
        configured.host = "10.0.0.11";
        settings.backends.push_back(configured);
        settings.probe.type = ProbeType::login;
        settings.probe.user = "probe";
        settings.probe.interval = 5s;
        settings.probe.timeout = 4s;
        settings.probe.rise = 2;
        settings.probe.fall = 3;
        settings.probe.jitter_percent = 0;
    }
    void start(const std::string& password = "secret") {
        pool = std::make_shared<pool::Pool>(settings);
        contacts = std::make_shared<backend::Contacts>(support::borrowed(settings), knowledge);
        prober.emplace(network, std::vector<Prober::Subject>{{pool, contacts, password}},
                       Prober::RunScript(), 1);
        prober->start();
        loop.settle();
    }
    [[nodiscard]] Health health() const { return pool->status().at(0).health; }
    [[nodiscard]] std::shared_ptr<const backend::Survey> survey() {
        return knowledge.of(pool->status().at(0).backend.id)->survey();
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    support::FakeBackend backend{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    config::Pool settings;
    backend::Knowledge knowledge;
    std::shared_ptr<pool::Pool> pool;
    std::shared_ptr<backend::Contacts> contacts;
    std::optional<Prober> prober;
};

TEST_F(ProberTest, brings_a_backend_up_at_the_first_answer_and_surveys_it) {
    start();
    EXPECT_EQ(health(), Health::up);
    ASSERT_NE(survey(), nullptr);
    EXPECT_TRUE(survey()->features.has("SIZE"));
    EXPECT_TRUE(backend.has_heard("USER probe"));
    EXPECT_TRUE(backend.has_heard("PASS secret"));
    EXPECT_TRUE(backend.has_heard("QUIT"));
    EXPECT_EQ(backend.sessions(), 0);
}

TEST_F(ProberTest, probes_at_its_interval) {
    start();
    const auto at_start = backend.sessions_ever();
    loop.run_for(50s);
    EXPECT_EQ(backend.sessions_ever(), at_start + 10);
}

TEST_F(ProberTest, spreads_its_probes_by_the_jitter) {
    settings.probe.jitter_percent = 50;
    start();
    const auto at_start = backend.sessions_ever();
    loop.run_for(1000s);
    const auto asked = backend.sessions_ever() - at_start;
    EXPECT_GT(asked, 150);
    EXPECT_LT(asked, 270);
}

TEST_F(ProberTest, brings_a_backend_down_and_up_at_its_thresholds) {
    start();
    backend.close();
    loop.run_for(10s);
    EXPECT_EQ(health(), Health::up);
    loop.run_for(5s);
    EXPECT_EQ(health(), Health::down);
    backend.open();
    loop.run_for(5s);
    EXPECT_EQ(health(), Health::down);
    loop.run_for(5s);
    EXPECT_EQ(health(), Health::up);
}

TEST_F(ProberTest, concludes_nothing_about_a_backend_from_a_shortage_of_our_own) {
    for (const auto shortage :
         {std::errc::too_many_files_open, std::errc::too_many_files_open_in_system,
          std::errc::address_not_available, std::errc::no_buffer_space,
          std::errc::not_enough_memory}) {
        network.run_short(backend.address(), shortage);
        start();
        loop.run_for(60s);
        EXPECT_EQ(health(), Health::unknown);
        network.recover();
        loop.run_for(5s);
        EXPECT_EQ(health(), Health::up);
        network.run_short(backend.address(), shortage);
        loop.run_for(60s);
        EXPECT_EQ(health(), Health::up);
        // Such probes do not interrupt the row of failures.
        network.recover();
        backend.close();
        loop.run_for(10s);
        network.run_short(backend.address(), shortage);
        loop.run_for(60s);
        EXPECT_EQ(health(), Health::up);
        network.recover();
        loop.run_for(5s);
        EXPECT_EQ(health(), Health::down);
        backend.open();
        prober.reset();
    }
}

TEST_F(ProberTest, continues_after_a_probe_without_memory) {
    start();
    network.run_out_of_memory(backend.address());
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::up);
    network.recover();
    backend.close();
    loop.run_for(15s);
    EXPECT_EQ(health(), Health::down);
}

TEST_F(ProberTest, is_down_at_once_when_the_first_answer_is_a_failure) {
    backend.close();
    start();
    EXPECT_EQ(health(), Health::down);
    EXPECT_EQ(survey(), nullptr);
}

TEST_F(ProberTest, treats_a_refused_login_as_a_failure) {
    start("wrong");
    EXPECT_EQ(health(), Health::down);
    EXPECT_EQ(backend.sessions(), 0);
}

TEST_F(ProberTest, treats_a_421_as_a_failure) {
    backend.script.greeting = "421 Full.";
    start();
    EXPECT_EQ(health(), Health::down);
}

TEST_F(ProberTest, treats_silence_as_a_failure_after_its_own_timeout) {
    backend.script.replies["PASS"] = "";
    settings.reply_timeout = 60s;
    start();
    EXPECT_EQ(health(), Health::unknown);
    loop.run_for(4s);
    EXPECT_EQ(health(), Health::down);
    EXPECT_EQ(backend.sessions(), 0);
}

TEST_F(ProberTest, accepts_a_user_that_needs_no_password) {
    backend.script.replies["USER"] = "230 Come in.";
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_FALSE(backend.has_heard("PASS secret"));
}

TEST_F(ProberTest, surveys_again_when_a_backend_comes_back) {
    start();
    EXPECT_FALSE(survey()->features.has("MFMT"));
    backend.close();
    loop.run_for(20s);
    backend.script.features += " MFMT\r\n";
    loop.run_for(20s);
    EXPECT_FALSE(survey()->features.has("MFMT"));
    backend.open();
    loop.run_for(10s);
    EXPECT_TRUE(survey()->features.has("MFMT"));
}

TEST_F(ProberTest, does_not_repeat_a_survey_needlessly) {
    start();
    loop.run_for(100s);
    EXPECT_EQ(std::ranges::count(backend.heard, "FEAT"), 1);
}

TEST_F(ProberTest, of_type_tcp_only_connects) {
    settings.probe.type = ProbeType::tcp;
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_NE(survey(), nullptr);
    EXPECT_FALSE(backend.has_heard("USER probe"));
    backend.script.greeting = "";  // a hung server still accepts
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::up);
    network.black_hole(backend.address());
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::down);
}

TEST_F(ProberTest, goes_as_far_as_possible_without_an_account_by_default) {
    settings.probe = config::Probe();
    settings.probe.jitter_percent = 0;
    start();
    EXPECT_EQ(health(), Health::up);
    EXPECT_FALSE(backend.has_heard("USER probe"));
    backend.script.greeting = "";  // a hung server
    loop.run_for(60s);
    EXPECT_EQ(health(), Health::down);
}

TEST_F(ProberTest, a_failed_survey_is_logged_once_for_each_reason) {
    support::LogLines lines(log::Level::info);
    const auto failed_before = metrics::total(metrics::Counter::surveys_failed);
    settings.probe.type = ProbeType::tcp;
    backend.script.greeting = "554 Not today.";
    start();
    loop.run_for(30s);
    EXPECT_EQ(health(), Health::up);
    EXPECT_EQ(lines.count("backend could not be surveyed"), 1);
    EXPECT_EQ(lines.count("greeted with 554 Not today."), 1);
    EXPECT_GT(metrics::total(metrics::Counter::surveys_failed), failed_before + 1);
    backend.script.greeting = "554 Nor tomorrow.";
    loop.run_for(30s);
    EXPECT_EQ(lines.count("backend could not be surveyed"), 2);
    EXPECT_EQ(lines.count("greeted with 554 Nor tomorrow."), 1);
    backend.script.greeting = "220 Well.";
    loop.run_for(30s);
    EXPECT_NE(survey(), nullptr);
}

TEST_F(ProberTest, of_type_none_surveys_until_it_has_an_answer_and_judges_no_backend) {
    settings.probe.type = ProbeType::none;
    backend.close();
    start();
    EXPECT_EQ(health(), Health::unknown);
    loop.run_for(40s);
    EXPECT_EQ(survey(), nullptr);
    backend.open();
    loop.run_for(40s);
    EXPECT_NE(survey(), nullptr);
    EXPECT_EQ(health(), Health::unknown);
    const auto sessions = backend.sessions_ever();
    loop.run_for(10min);
    EXPECT_EQ(backend.sessions_ever(), sessions);
}

TEST_F(ProberTest, follows_the_addresses_of_a_name) {
    settings.backends[0].host = "ftp.example.org";
    start();
    EXPECT_TRUE(pool->status().empty());
    const support::FakeBackend other(network, {base::Ip::parse("10.0.0.12").value(), 21});
    pool->set_targets(pool->backends()[0],
                      {{pool::Target{{base::Ip::parse("10.0.0.11").value(), 21}}}});
    loop.run_for(2s);
    EXPECT_EQ(health(), Health::up);
    pool->set_targets(pool->backends()[0],
                      {{pool::Target{{base::Ip::parse("10.0.0.12").value(), 21}}}});
    loop.run_for(2s);
    EXPECT_EQ(health(), Health::up);
    const auto sessions = backend.sessions_ever();
    loop.run_for(60s);
    EXPECT_EQ(backend.sessions_ever(), sessions);
    EXPECT_GT(other.sessions_ever(), 5);
}

TEST_F(ProberTest, is_not_disturbed_by_a_backends_file_that_is_rewritten_every_second) {
    auto table = settings.backends.front();
    settings.backends.clear();
    backend.script.reply_delay = 900ms;  // so that a probe takes longer than the interval
    settings.probe.timeout = 10s;
    start();
    for (std::uint32_t i = 0; i < 60; ++i) {
        table.weight = 1 + i;
        pool->set_file_backends({std::make_shared<const config::Backend>(table)});
        loop.run_for(1s);
    }
    EXPECT_EQ(health(), Health::up);
    EXPECT_NE(survey(), nullptr);
    EXPECT_LE(backend.sessions_ever(), 12);
    table.tls.mode = config::BackendTlsMode::explicit_tls;  // probed in another way from now on
    pool->set_file_backends({std::make_shared<const config::Backend>(table)});
    loop.run_for(10s);
    EXPECT_TRUE(backend.has_heard("AUTH TLS"));
}

TEST_F(ProberTest, destroyed_during_a_probe_leaves_nothing_behind) {
    backend.script.replies["PASS"] = "";
    start();
    EXPECT_EQ(backend.sessions(), 1);
    prober.reset();
    loop.settle();
    EXPECT_EQ(backend.sessions(), 0);
}

}  // namespace
}  // namespace ballast::health
