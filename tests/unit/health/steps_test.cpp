// SPDX-License-Identifier: Apache-2.0
// Probes against a backend that fails in one step, and what probes share and remember.
#include "health/prober.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"
#include "support/log_lines.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>

namespace ballast::health {
namespace {

using namespace std::chrono_literals;
using config::ProbeType;
using pool::Health;

constexpr auto* digest_of_content =
    "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73";  // of "content"

class StepsTest : public testing::Test {
protected:
    StepsTest() {
        settings.name = "files";
        for (int i = 1; i <= 2; ++i) {
            config::Backend configured;
            configured.name = "alf" + std::to_string(i);
            configured.host = "10.0.0.1" + std::to_string(i);
            settings.backends.push_back(configured);
        }
        auto& probe = settings.probe;
        probe.type = ProbeType::login;
        probe.user = "probe";
        probe.interval = 5s;
        probe.timeout = 4s;
        probe.rise = 1;
        probe.fall = 1;
        probe.jitter_percent = 0;
        for (auto* const backend : {&first, &second}) {
            backend->files["canary"] = "content";
            backend->script.replies["SIZE"] = "213 7";
            backend->script.replies["MDTM"] = "213 20260101000000";
        }
    }
    void start() {
        made = std::make_shared<pool::Pool>(settings, [this] { return loop.now(); });
        subjects.push_back(
            {made, std::make_shared<backend::Contacts>(support::borrowed(settings), knowledge),
             "secret"});
        prober.emplace(network, subjects, Prober::RunScript(), 1);
        prober->start();
        loop.settle();
    }
    Health health(std::size_t index = 0) { return made->status().at(index).health; }

    support::LogLines lines{log::Level::info};
    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    support::FakeBackend first{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    support::FakeBackend second{network, {base::Ip::parse("10.0.0.12").value(), 21}};
    config::Pool settings;
    backend::Knowledge knowledge;
    std::shared_ptr<pool::Pool> made;
    std::vector<Prober::Subject> subjects;
    std::optional<Prober> prober;
};

TEST_F(StepsTest, each_step_can_fail_a_backend) {
    using support::BackendScript;
    struct Row {
        const char* name;
        std::function<void(config::Probe&)> set;
        std::function<void(support::FakeBackend&)> breaks;
        const char* reason;
    };
    const auto reply = [](const char* verb, const char* text) {
        return [=](support::FakeBackend& backend) { backend.script.replies[verb] = text; };
    };
    const auto wants_list = [](config::Probe& probe) { probe.list = "/"; };
    const auto wants_canary = [](config::Probe& probe) {
        probe.canary = "canary";
        probe.canary_sha256 = digest_of_content;
    };
    const std::vector<Row> table = {
        {"banner", [](config::Probe& probe) { probe.type = ProbeType::banner; },
         [](support::FakeBackend& backend) { backend.script.greeting = "530 Go away."; },
         "greeted with 530"},
        {"user", [](config::Probe&) {}, reply("USER", "530 Who?"), "login: USER was answered 530"},
        {"password", [](config::Probe&) {}, reply("PASS", "530 No."),
         "login: PASS was answered 530"},
        {"pwd", [](config::Probe& probe) { probe.pwd = true; }, reply("PWD", "550 Lost."),
         "pwd: PWD was answered 550 Lost."},
        {"list", wants_list, reply("LIST", "550 No such directory."),
         "list: LIST was answered 550 No such directory."},
        {"data", wants_list, reply("EPSV", "425 No port."), "list:"},
        {"end", wants_list,
         [](support::FakeBackend& backend) { backend.script.final_reply = "451 Disk."; },
         "list: LIST was answered 451 Disk."},
        {"missing", wants_canary, [](support::FakeBackend& backend) { backend.files.clear(); },
         "canary: RETR was answered 550"},
        {"changed", wants_canary,
         [](support::FakeBackend& backend) { backend.files["canary"] = "other"; },
         "canary: the digest of canary is"},
        {"long",
         [&](config::Probe& probe) {
             wants_canary(probe);
             probe.canary_bytes_max = 6;
         },
         [](support::FakeBackend&) {}, "canary: more than 6 bytes arrived"},
        {"cut off", wants_canary,
         [](support::FakeBackend& backend) {
             backend.script.fault = BackendScript::Fault::reset_data;
             backend.script.fault_after = 3;
         },
         "canary: the data connection was lost"},
        {"stalled", wants_canary,
         [](support::FakeBackend& backend) {
             backend.script.fault = BackendScript::Fault::stall;
             backend.script.fault_after = 3;
         },
         "probing 10.0.0.11:21"},
    };
    const auto good = first.script;
    const auto probe = settings.probe;
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        prober.reset();
        subjects.clear();
        settings.probe = probe;
        row.set(settings.probe);
        const bool is_too_long = settings.probe.canary_bytes_max == 6;
        first.script = good;
        first.files["canary"] = "content";
        if (!is_too_long) {
            start();
            loop.run_for(1s);
            EXPECT_EQ(health(), Health::up);
        }
        row.breaks(first);
        if (is_too_long) start();
        loop.run_for(20s);
        EXPECT_EQ(health(), Health::down);
        EXPECT_TRUE(lines.count(row.reason) > 0) << row.reason;
        if (!is_too_long) EXPECT_EQ(health(1), Health::up);
        if (is_too_long) continue;
        first.script = good;
        first.files["canary"] = "content";
        loop.run_for(20s);
        EXPECT_EQ(health(), Health::up);
    }
}

TEST_F(StepsTest, run_faster_in_transition_and_slower_while_down) {
    settings.backends.resize(1);
    settings.probe.fall = 3;
    settings.probe.rise = 2;
    settings.probe.fast_interval = 1s;
    settings.probe.down_interval = 30s;
    start();
    loop.run_for(10s);
    EXPECT_EQ(health(), Health::up);
    first.close();
    loop.run_for(5s);  // the next one fails
    EXPECT_EQ(health(), Health::up);
    loop.run_for(2s);  // and two more at the fast interval
    EXPECT_EQ(health(), Health::down);
    first.open();
    const auto before = first.sessions_ever();
    loop.run_for(29s);
    EXPECT_EQ(first.sessions_ever(), before);
    loop.run_for(1s);
    EXPECT_EQ(health(), Health::down);
    loop.run_for(1s);
    EXPECT_EQ(health(), Health::up);
}

TEST_F(StepsTest, keep_one_session_if_they_are_quiet) {
    settings.backends.resize(1);
    settings.probe.quiet = true;
    settings.probe.pwd = true;
    start();
    const auto at_start = first.sessions_ever();
    loop.run_for(100s);
    EXPECT_EQ(first.sessions_ever(), at_start);
    EXPECT_GE(std::ranges::count(first.heard, "PWD"), 20);
    // The server ends it: this is not a failure, but needs another login.
    first.say_to_all("421 Idle for too long.");
    loop.run_for(10s);
    EXPECT_EQ(first.sessions_ever(), at_start + 1);
    EXPECT_EQ(health(), Health::up);
    first.kill();
    loop.run_for(10s);
    EXPECT_EQ(health(), Health::down);
}

TEST_F(StepsTest, are_shared_by_pools_with_the_same_probe) {
    settings.backends.resize(1);
    auto other_settings = settings;
    other_settings.name = "others";
    other_settings.probe = settings.probe;
    auto different = settings;
    different.name = "different";
    different.probe.user = "else";
    const auto make = [&](config::Pool& of) {
        const auto pool = std::make_shared<pool::Pool>(of);
        subjects.push_back({pool,
                            std::make_shared<backend::Contacts>(support::borrowed(of), knowledge),
                            "secret"});
        return pool;
    };
    const auto other = make(other_settings);
    const auto third = make(different);
    start();
    const auto at_start = first.sessions_ever();
    loop.run_for(50s);
    EXPECT_EQ(first.sessions_ever(), at_start + 20);  // two probes each 5 s, not three
    EXPECT_EQ(other->status()[0].health, Health::up);
    EXPECT_EQ(third->status()[0].health, Health::up);
    first.close();
    loop.run_for(10s);
    for (const auto& pool : {made, other, third}) EXPECT_EQ(pool->status()[0].health, Health::down);
}

class LateTest : public StepsTest {
protected:
    LateTest() {
        settings.backends.resize(1);
        settings.probe.interval = 1h;
        late_settings = settings;
        late_settings.name = "late";
        late_settings.backends.clear();
        late = std::make_shared<pool::Pool>(late_settings);
        subjects.push_back(
            {late, std::make_shared<backend::Contacts>(support::borrowed(late_settings), knowledge),
             "secret"});
    }
    /// Long before the next probe.
    pool::Pool::Status join() {
        const auto asked = first.sessions_ever();
        auto table = settings.backends.front();
        table.name = "another name";
        late->set_file_backends({std::make_shared<const config::Backend>(table)});
        loop.run_for(2s);
        EXPECT_EQ(first.sessions_ever(), asked);
        return late->status().at(0);
    }

    config::Pool late_settings;
    std::shared_ptr<pool::Pool> late;
};

TEST_F(LateTest, learns_that_the_backend_is_up_and_what_its_survey_found) {
    start();
    const auto status = join();
    EXPECT_EQ(status.health, Health::up);
    EXPECT_NE(knowledge.of(status.backend.id)->survey(), nullptr);
}

TEST_F(LateTest, learns_that_the_backend_is_down) {
    first.close();
    start();
    EXPECT_EQ(health(), Health::down);
    EXPECT_EQ(join().health, Health::down);
}

TEST_F(StepsTest, report_backends_with_different_canaries_once) {
    settings.probe.canary = "canary";
    start();
    loop.run_for(20s);
    constexpr auto* differ = "backends of one pool have different";
    EXPECT_EQ(lines.count(differ), 0U);
    second.script.replies["MDTM"] = "213 20260102000000";
    loop.run_for(60s);
    EXPECT_EQ(lines.count(differ), 1U);
    EXPECT_TRUE(lines.count("20260102000000") > 0);
    second.files["canary"] = "contents";
    second.script.replies["SIZE"] = "213 8";
    loop.run_for(60s);
    EXPECT_EQ(lines.count(differ), 2U);
    second.files["canary"] = "content";
    second.script.replies["SIZE"] = "213 7";
    second.script.replies["MDTM"] = "213 20260101000000";
    loop.run_for(60s);
    EXPECT_EQ(lines.count(differ), 2U);
    EXPECT_EQ(lines.count("agree on the canary again"), 1U);
    second.script.replies["MDTM"] = "500 What?";  // a backend without facts does not differ
    loop.run_for(60s);
    EXPECT_EQ(lines.count(differ), 2U);
    EXPECT_EQ(health(0), Health::up);
    EXPECT_EQ(health(1), Health::up);
}

}  // namespace
}  // namespace ballast::health
