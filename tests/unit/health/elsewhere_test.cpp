// SPDX-License-Identifier: Apache-2.0
// One balancer of a cluster probes for all.
#include "health/prober.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"

#include <gtest/gtest.h>
#include <optional>
#include <vector>

namespace ballast::health {
namespace {

using namespace std::chrono_literals;
using pool::Health;

class ProbedElsewhereTest : public testing::Test {
protected:
    /// One of the balancers.
    struct Node {
        Node(net::Network& network, const config::Pool& settings)
            : pool(std::make_shared<pool::Pool>(settings)),
              contacts(std::make_shared<backend::Contacts>(support::borrowed(settings), knowledge)),
              prober(network, {{pool, contacts, "secret"}}, Prober::RunScript(), 1) {}
        [[nodiscard]] Health health() const { return pool->status().at(0).health; }
        [[nodiscard]] bool has_survey() {
            return knowledge.of(pool->status().at(0).backend.id)->survey() != nullptr;
        }
        [[nodiscard]] std::size_t history() const { return prober.histories().at(0).probes.size(); }

        backend::Knowledge knowledge;
        std::shared_ptr<pool::Pool> pool;
        std::shared_ptr<backend::Contacts> contacts;
        Prober prober;
    };

    ProbedElsewhereTest() {
        settings.name = "files";
        config::Backend configured;
        configured.name = "alf1";
        configured.host = "10.0.0.11";
        settings.backends.push_back(configured);
        settings.probe.type = config::ProbeType::login;
        settings.probe.user = "probe";
        settings.probe.interval = 5s;
        settings.probe.timeout = 4s;
        settings.probe.rise = 2;
        settings.probe.fall = 3;
        settings.probe.jitter_percent = 0;
    }
    /// Both, and `active` tells `silent` what it finds.
    void start() {
        active.emplace(network, settings);
        silent.emplace(network, settings);
        active->prober.set_tell([this](const Prober::Outcome& outcome) {
            outcomes.push_back(outcome);
            (void)silent->prober.take(outcome);
        });
        silent->prober.set_silent("files", true);
        silent->prober.start();
        active->prober.start();
        loop.settle();
    }
    [[nodiscard]] int contacts_in(std::chrono::seconds time) {
        const auto before = backend.sessions_ever();
        loop.run_for(time);
        return static_cast<int>(backend.sessions_ever() - before);
    }

    support::TestLoop loop;
    support::MemoryNetwork network{loop};
    support::FakeBackend backend{network, {base::Ip::parse("10.0.0.11").value(), 21}};
    config::Pool settings;
    std::optional<Node> active;
    std::optional<Node> silent;
    std::vector<Prober::Outcome> outcomes;
};

TEST_F(ProbedElsewhereTest, only_one_balancer_probes) {
    start();
    loop.run_for(20s);
    EXPECT_EQ(contacts_in(50s), 10);
    EXPECT_EQ(active->health(), Health::up);
    EXPECT_EQ(silent->health(), Health::up);
}

TEST_F(ProbedElsewhereTest, both_know_the_same) {
    start();
    backend.close();
    loop.run_for(10s);
    EXPECT_EQ(silent->health(), Health::up);
    loop.run_for(5s);
    EXPECT_EQ(silent->health(), Health::down);
    EXPECT_EQ(silent->pool->status().at(0).reason, active->pool->status().at(0).reason);
    EXPECT_EQ(active->health(), Health::down);
    backend.open();
    loop.run_for(5s);
    EXPECT_EQ(silent->health(), Health::down);
    loop.run_for(5s);
    EXPECT_EQ(silent->health(), Health::up);
    EXPECT_EQ(silent->history(), active->history());
    const auto last = silent->prober.histories().at(0).probes.back();
    EXPECT_EQ(last.problem, "");
    EXPECT_EQ(last.took, active->prober.histories().at(0).probes.back().took);
}

TEST_F(ProbedElsewhereTest, an_outcome_says_all_about_a_probe) {
    start();
    ASSERT_FALSE(outcomes.empty());
    EXPECT_EQ(outcomes[0].pool, "files");
    EXPECT_EQ(outcomes[0].backend, "alf1");
    EXPECT_EQ(base::to_string(outcomes[0].address), "10.0.0.11:21");
    EXPECT_EQ(outcomes[0].problem, "");
    backend.close();
    loop.run_for(5s);
    EXPECT_NE(outcomes.back().problem, "");
}

TEST_F(ProbedElsewhereTest, each_balancer_surveys_for_itself) {
    start();
    EXPECT_TRUE(silent->has_survey());
    backend.close();
    loop.run_for(30s);
    ASSERT_EQ(silent->health(), Health::down);
    const auto id = silent->pool->status().at(0).backend.id;
    silent->knowledge.of(id)->set_survey({});
    ASSERT_FALSE(silent->knowledge.of(id)->survey()->features.has("SIZE"));
    backend.open();
    loop.run_for(10s);
    EXPECT_EQ(silent->health(), Health::up);
    EXPECT_TRUE(silent->knowledge.of(id)->survey()->features.has("SIZE"));
}

TEST_F(ProbedElsewhereTest, a_dead_backend_is_not_surveyed_by_those_who_do_not_probe) {
    start();
    backend.close();
    loop.run_for(30s);
    const auto tried = network.dials().size();
    loop.run_for(50s);
    EXPECT_EQ(network.dials().size() - tried, 10U);  // the other's probes
}

TEST_F(ProbedElsewhereTest, the_next_one_goes_on_where_the_former_has_stopped) {
    start();
    backend.close();
    loop.run_for(10s);  // two of three failures
    active->prober.set_silent("files", true);
    silent->prober.set_silent("files", false);
    EXPECT_EQ(silent->health(), Health::up);
    loop.run_for(5s);
    EXPECT_EQ(silent->health(), Health::down);
    EXPECT_EQ(active->health(), Health::up);  // nobody tells it
    const auto told = outcomes.size();
    loop.run_for(50s);
    EXPECT_EQ(outcomes.size(), told);
}

TEST_F(ProbedElsewhereTest, one_that_probes_does_not_listen_to_others) {
    start();
    const Prober::Outcome outcome{"files", "alf1", backend.address(), "refused", {}};
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(active->prober.take(outcome));
    EXPECT_EQ(active->health(), Health::up);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(silent->prober.take(outcome));
    EXPECT_EQ(silent->health(), Health::down);
}

TEST_F(ProbedElsewhereTest, outcomes_for_what_is_unknown_here_are_left) {
    start();
    const auto other = base::Address{base::Ip::parse("10.0.0.99").value(), 21};
    EXPECT_FALSE(silent->prober.take({"others", "alf1", backend.address(), {}, {}}));
    EXPECT_FALSE(silent->prober.take({"files", "alf2", backend.address(), {}, {}}));
    EXPECT_FALSE(silent->prober.take({"files", "alf1", other, {}, {}}));
}

TEST_F(ProbedElsewhereTest, an_operators_probe_is_made_at_once) {
    start();
    std::vector<Prober::Outcome> told;
    silent->prober.set_tell([&](const Prober::Outcome& outcome) { told.push_back(outcome); });
    const auto before = silent->history();
    EXPECT_TRUE(silent->prober.probe_now("files", "alf1"));
    loop.settle();
    EXPECT_EQ(told.size(), 1U);
    EXPECT_EQ(silent->history(), before + 1);
    loop.run_for(50s);
    EXPECT_EQ(told.size(), 1U);
}

TEST_F(ProbedElsewhereTest, a_reload_changes_nothing_about_it) {
    start();
    silent->prober.set_subjects({{silent->pool, silent->contacts, "secret"}});
    loop.run_for(20s);
    EXPECT_EQ(contacts_in(50s), 10);
}

TEST_F(ProbedElsewhereTest, a_session_that_was_kept_for_probes_ends) {
    settings.probe.quiet = true;
    active.emplace(network, settings);
    active->prober.start();
    loop.settle();
    EXPECT_EQ(backend.sessions(), 1);
    active->prober.set_silent("files", true);
    loop.run_for(5s);
    EXPECT_EQ(backend.sessions(), 0);
    active->prober.set_silent("files", false);
    loop.run_for(5s);
    EXPECT_EQ(backend.sessions(), 1);
}

TEST_F(ProbedElsewhereTest, a_pool_that_shares_the_backend_and_is_not_silent_is_probed) {
    auto others = settings;
    others.name = "others";
    const auto other = std::make_shared<pool::Pool>(others);
    active.emplace(network, settings);
    const auto contacts =
        std::make_shared<backend::Contacts>(support::borrowed(others), active->knowledge);
    active->prober.set_silent("files", true);
    active->prober.set_tell(
        [this](const Prober::Outcome& outcome) { outcomes.push_back(outcome); });
    active->prober.set_subjects(
        {{active->pool, active->contacts, "secret"}, {other, contacts, "secret"}});
    active->prober.start();
    loop.run_for(20s);
    EXPECT_EQ(other->status().at(0).health, Health::up);
    ASSERT_FALSE(outcomes.empty());
    for (const auto& outcome : outcomes) EXPECT_EQ(outcome.pool, "others");
    backend.close();
    loop.run_for(30s);
    EXPECT_EQ(other->status().at(0).health, Health::down);
    EXPECT_NE(active->health(), Health::down);
}

}  // namespace
}  // namespace ballast::health
