// SPDX-License-Identifier: Apache-2.0
// What the administrator decides about backends: drain, disable, ready.
#include "loop/recall.h"
#include "pool/pool.h"
#include "support/log_lines.h"
#include "support/test_loop.h"

#include <array>
#include <gtest/gtest.h>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const char* text) { return base::Ip::parse(text).value(); }

constexpr std::array out_states = {AdminState::draining, AdminState::draining_move,
                                   AdminState::draining_idle, AdminState::disabled};

class AdministrationTest : public testing::Test {
protected:
    AdministrationTest() {
        config.name = "files";
        config.balance = balance::find_policy("round-robin");
        config.probe.rise = 1;
        config.probe.fall = 1;
        for (const char* const host : {"10.0.0.11", "10.0.0.12"}) {
            config::Backend backend;
            backend.name = "alf" + std::to_string(config.backends.size() + 1);
            backend.host = host;
            config.backends.push_back(backend);
        }
    }
    Pool& pool() {
        if (!made_) made_ = std::make_shared<Pool>(config, [this] { return loop.now(); });
        return *made_;
    }
    std::expected<Seat, Refusal> choose(std::string_view user = "anna") {
        return pool().choose({ip("192.0.2.7"), user}, {});
    }
    static std::string name_of(const std::expected<Seat, Refusal>& seat) {
        return seat ? seat->backend().name : std::string(to_string(seat.error()));
    }
    AdminState state_of(std::size_t index) { return pool().status().at(index).admin; }

    support::TestLoop loop;
    config::Pool config;

private:
    std::shared_ptr<Pool> made_;
};

TEST(AdminState, has_a_name_that_leads_back_to_it) {
    for (const auto state : {AdminState::ready, AdminState::draining, AdminState::draining_move,
                             AdminState::draining_idle, AdminState::disabled})
        EXPECT_EQ(admin_state_from(to_string(state)), state);
    for (const char* const none : {"", "Ready", "drained", "drain "})
        EXPECT_EQ(admin_state_from(none), std::nullopt) << none;
}

TEST_F(AdministrationTest, gives_no_session_to_a_backend_that_is_not_ready) {
    for (const auto state : out_states) {
        EXPECT_TRUE(pool().administer("alf1", state));
        for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(choose()), "alf2") << to_string(state);
        EXPECT_TRUE(pool().administer("alf1", AdminState::ready));
        EXPECT_NE(name_of(choose()), name_of(choose()));
    }
}

TEST_F(AdministrationTest, knows_no_other_backends) {
    EXPECT_FALSE(pool().administer("alf3", AdminState::draining));
    EXPECT_FALSE(pool().administer("", AdminState::draining));
}

TEST_F(AdministrationTest, is_shown_beside_the_health) {
    EXPECT_EQ(state_of(0), AdminState::ready);
    pool().administer("alf1", AdminState::draining_idle);
    EXPECT_EQ(state_of(0), AdminState::draining_idle);
    EXPECT_EQ(state_of(1), AdminState::ready);
    EXPECT_EQ(pool().status()[0].health, Health::unknown);
    pool().probe_failed(pool().status()[0].backend.id, "test");
    EXPECT_EQ(pool().status()[0].health, Health::down);
    EXPECT_EQ(state_of(0), AdminState::draining_idle);
}

TEST_F(AdministrationTest, says_why_there_is_no_backend) {
    pool().administer("alf1", AdminState::draining);
    pool().administer("alf2", AdminState::disabled);
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_withdrawn));
    pool().administer("alf1", AdminState::ready);
    pool().probe_failed(pool().status()[0].backend.id, "test");
    EXPECT_EQ(name_of(choose()), to_string(Refusal::down_or_withdrawn));
}

TEST_F(AdministrationTest, a_name_keeps_its_state_at_new_addresses) {
    config.backends[0].host = "alf1.example";
    const auto backend = pool().backends().front();
    // Before any address is known.
    EXPECT_TRUE(pool().administer("alf1", AdminState::draining));
    for (const char* const address : {"10.0.0.21", "10.0.0.22"}) {
        pool().set_targets(backend, {{Target{.address = {ip(address), 21}}}});
        EXPECT_EQ(state_of(0), AdminState::draining);
        for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(choose()), "alf2");
    }
}

TEST_F(AdministrationTest, is_of_all_addresses_of_a_name) {
    config.backends[0].host = "alf1.example";
    pool().set_targets(pool().backends().front(), {{Target{.address = {ip("10.0.0.21"), 21}},
                                                    Target{.address = {ip("10.0.0.22"), 21}}}});
    pool().administer("alf1", AdminState::disabled);
    EXPECT_EQ(state_of(0), AdminState::disabled);
    EXPECT_EQ(state_of(1), AdminState::disabled);
    EXPECT_EQ(state_of(2), AdminState::ready);
    // The names of single addresses are none.
    EXPECT_FALSE(pool().administer("alf1/10.0.0.21", AdminState::ready));
}

TEST_F(AdministrationTest, a_name_keeps_its_state_while_it_is_gone) {
    auto with_file = config;
    config.backends.resize(1);
    config.backends_file = "backends.toml";
    const auto file = std::make_shared<const config::Backend>(with_file.backends[1]);
    pool().set_file_backends({file});
    EXPECT_TRUE(pool().administer("alf2", AdminState::draining));
    pool().set_file_backends({});
    for (int i = 0; i < 2; ++i) EXPECT_EQ(name_of(choose()), "alf1");
    pool().tick();
    pool().set_file_backends({file});
    EXPECT_EQ(state_of(1), AdminState::draining);
    pool().set_file_backends({});
    EXPECT_TRUE(pool().administer("alf2", AdminState::ready));
    pool().tick();
    EXPECT_FALSE(pool().administer("alf2", AdminState::draining));
}

TEST_F(AdministrationTest, outlives_a_change_of_the_settings) {
    pool().administer("alf2", AdminState::disabled);
    auto changed = config;
    changed.backends[1].host = "10.0.0.99";
    pool().configure(std::make_shared<const config::Pool>(changed));
    EXPECT_EQ(state_of(1), AdminState::disabled);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(choose()), "alf1");
}

// Stickiness

TEST_F(AdministrationTest, a_client_sticks_to_no_backend_that_is_not_ready) {
    config.stick.by = config::StickBy::user;
    auto seat = choose();
    seat->logged_in(1ms);
    const auto had = name_of(seat);
    pool().administer(had, AdminState::draining);
    EXPECT_NE(name_of(choose()), had);
    EXPECT_NE(pool().foresee(ip("192.0.2.7")), seat->backend().id);
}

TEST_F(AdministrationTest, a_client_that_may_have_no_other_backend_is_refused) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    auto seat = choose();
    seat->logged_in(1ms);
    const auto had = name_of(seat);
    pool().administer(had, AdminState::draining);
    EXPECT_EQ(name_of(choose()), to_string(Refusal::sticky_withdrawn));
    pool().administer(had, AdminState::ready);
    EXPECT_EQ(name_of(choose()), had);
}

// All backends of a pool

TEST_F(AdministrationTest, the_state_of_all_leaves_those_of_single_backends_alone) {
    pool().administer("alf1", AdminState::disabled);
    auto seat = pool().choose({}, {});
    ASSERT_EQ(name_of(seat), "alf2");
    pool().administer_all(AdminState::draining_idle);
    EXPECT_EQ(seat->admin(), AdminState::draining_idle);
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_withdrawn));
    EXPECT_EQ(state_of(0), AdminState::disabled);
    EXPECT_EQ(state_of(1), AdminState::ready);
    pool().administer_all(AdminState::ready);
    EXPECT_EQ(seat->admin(), AdminState::ready);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(name_of(choose()), "alf2");
}

TEST_F(AdministrationTest, the_state_of_all_is_that_of_later_backends_too) {
    pool().administer_all(AdminState::draining);
    auto changed = config;
    changed.backends[0].name = "new1";
    changed.backends[1].name = "new2";
    pool().configure(std::make_shared<const config::Pool>(changed));
    EXPECT_EQ(name_of(choose()), to_string(Refusal::all_withdrawn));
}

// Sessions

TEST_F(AdministrationTest, a_seat_shows_the_state_of_its_backend) {
    EXPECT_EQ(Seat().admin(), AdminState::ready);
    auto seat = choose();
    EXPECT_EQ(seat->admin(), AdminState::ready);
    pool().administer(name_of(seat), AdminState::draining);
    const Seat moved = std::move(*seat);
    EXPECT_EQ(moved.admin(), AdminState::draining);
}

TEST_F(AdministrationTest, calls_those_who_watch_when_their_sessions_shall_end) {
    loop::Signal signal(loop);
    const auto recall = std::make_shared<loop::Recall>(signal);
    auto seat = choose();
    const auto name = name_of(seat);
    seat->watch(recall);
    pool().administer(name == "alf1" ? "alf2" : "alf1", AdminState::disabled);
    pool().administer(name, AdminState::draining);
    EXPECT_FALSE(recall->is_called());
    pool().administer(name, AdminState::draining_idle);
    EXPECT_TRUE(recall->is_called());
    EXPECT_EQ(seat->admin(), AdminState::draining_idle);
    recall->leave();
}

TEST_F(AdministrationTest, calls_nobody_who_has_left) {
    loop::Signal signal(loop);
    const auto recall = std::make_shared<loop::Recall>(signal);
    auto seat = choose();
    const auto name = name_of(seat);
    seat->watch(recall);
    Seat moved = std::move(*seat);
    moved = Seat();
    pool().administer(name, AdminState::disabled);
    EXPECT_FALSE(recall->is_called());
    EXPECT_EQ(recall.use_count(), 1);
    recall->leave();
}

TEST_F(AdministrationTest, a_seat_on_loan_is_not_recalled_for_a_backend_that_may_have_nobody) {
    config.backends.resize(1);
    config.backends[0].max_sessions = 1;
    loop::Signal signal(loop);
    const auto recall = std::make_shared<loop::Recall>(signal);
    auto seat = choose();
    seat->lend(recall, ip("192.0.2.8"));
    pool().administer("alf1", AdminState::draining);
    EXPECT_EQ(pool().join_queue({ip("192.0.2.7"), "bert"}, {}, signal).error(),
              Refusal::all_withdrawn);
    EXPECT_FALSE(recall->is_called());
    EXPECT_TRUE(seat->keep());
    recall->leave();
}

// The end of draining

TEST_F(AdministrationTest, says_once_that_the_last_session_has_left) {
    config.backends[0].host = "alf1.example";
    const auto backend = pool().backends().front();
    pool().set_targets(backend, {{Target{.address = {ip("10.0.0.21"), 21}}}});
    pool().administer("alf2", AdminState::disabled);
    auto first = choose();
    pool().set_targets(backend, {{Target{.address = {ip("10.0.0.22"), 21}}}});
    auto second = choose();
    ASSERT_TRUE(first && second);
    support::LogLines lines(log::Level::info);
    const std::string_view drained = "backend drained: no session is left";
    pool().administer("alf1", AdminState::draining);
    EXPECT_FALSE(pool().status()[0].is_drained);
    *second = Seat();
    EXPECT_EQ(lines.count(drained), 0U);
    EXPECT_FALSE(pool().status()[0].is_drained);  // the former address still has a session
    *first = Seat();
    EXPECT_TRUE(pool().status()[0].is_drained);
    pool().tick();
    const auto text = lines.text();
    EXPECT_EQ(text.find(drained), text.rfind(drained));
    EXPECT_NE(text.find(drained), std::string::npos);
    EXPECT_NE(text.find("alf1"), std::string::npos);
}

TEST_F(AdministrationTest, says_at_once_that_there_is_no_session) {
    support::LogLines lines(log::Level::info);
    pool().administer("alf1", AdminState::draining);
    pool().administer("alf1", AdminState::draining);
    EXPECT_TRUE(pool().status()[0].is_drained);
    EXPECT_EQ(lines.count("backend drained"), 1U);
    pool().administer("alf1", AdminState::ready);
    EXPECT_FALSE(pool().status()[0].is_drained);
}

// The queue

class AdministrationQueueTest : public AdministrationTest {
protected:
    AdministrationQueueTest() {
        config.backends.resize(1);
        config.backends[0].max_sessions = 1;
        config.queue.length = 2;
    }
    std::expected<Place, Refusal> join(std::string_view user = "anna") {
        return pool().join_queue({ip("192.0.2.7"), user}, {}, signal);
    }
    loop::Signal signal{loop};
};

TEST_F(AdministrationQueueTest, is_served_when_a_backend_is_ready_again) {
    auto& other = config.backends.emplace_back(config.backends[0]);
    other.name = "alf2";
    other.host = "10.0.0.12";
    pool().administer("alf2", AdminState::disabled);
    const auto seat = choose();
    auto place = join();
    ASSERT_TRUE(place);
    EXPECT_FALSE(place->take());
    pool().administer("alf2", AdminState::ready);
    const auto got = place->take();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->backend().name, "alf2");
}

TEST_F(AdministrationQueueTest, turns_away_those_who_wait_in_vain) {
    auto seat = choose();
    auto place = join();
    ASSERT_TRUE(place);
    EXPECT_EQ(place->refusal(), std::nullopt);
    pool().administer("alf1", AdminState::draining);
    EXPECT_EQ(place->refusal(), Refusal::all_withdrawn);
    EXPECT_EQ(pool().waiting(), 0U);
    *seat = Seat();
    EXPECT_FALSE(place->take());
}

TEST_F(AdministrationQueueTest, keeps_those_who_can_have_another_backend) {
    config.stick.by = config::StickBy::user;
    config.stick.otherwise = config::StickOtherwise::refuse;
    auto& other = config.backends.emplace_back(config.backends[0]);
    other.name = "alf2";
    other.host = "10.0.0.12";
    auto annas = choose("anna");
    annas->logged_in(1ms);
    auto berts = choose("bert");
    berts->logged_in(1ms);
    auto bound = join("anna");
    auto free = join("carl");
    ASSERT_TRUE(bound && free);
    pool().administer(name_of(annas), AdminState::draining);
    EXPECT_EQ(bound->refusal(), Refusal::sticky_withdrawn);
    EXPECT_EQ(free->refusal(), std::nullopt);
    *berts = Seat();
    EXPECT_TRUE(free->take());
}

// Weights and limits in place of the configuration

TEST_F(AdministrationTest, a_weight_and_a_limit_hold_until_the_configuration_rules_again) {
    config.backends[0].weight = 3;
    EXPECT_EQ(pool().status().at(0).weight, 3U);
    EXPECT_TRUE(pool().tune("alf1", {.weight = 9, .max_sessions = 1}));
    EXPECT_FALSE(pool().tune("alf9", {.weight = 9, .max_sessions = {}}));
    EXPECT_EQ(pool().status().at(0).weight, 9U);
    EXPECT_EQ(pool().status().at(0).max_sessions, 1U);
    EXPECT_EQ(pool().status().at(1).weight, 1U);
    const auto first = choose();
    const auto second = choose();
    const auto third = choose();
    EXPECT_EQ(name_of(first), "alf1");
    EXPECT_EQ(name_of(second), "alf2");
    EXPECT_EQ(name_of(third), "alf2");
    // Over a reload, too.
    pool().configure(std::make_shared<const config::Pool>(config));
    EXPECT_EQ(pool().tuning("alf1"), (Tuning{.weight = 9, .max_sessions = 1}));
    EXPECT_TRUE(pool().tune("alf1", {}));
    EXPECT_EQ(pool().status().at(0).weight, 3U);
    EXPECT_EQ(pool().status().at(0).max_sessions, 0U);
}

TEST_F(AdministrationTest, a_higher_limit_lets_those_in_who_wait) {
    config.backends.pop_back();
    config.backends[0].max_sessions = 1;
    config.queue.length = 1;
    const auto first = choose();
    loop::Signal signal(loop);
    auto place = pool().join_queue({ip("192.0.2.8"), "bert"}, {}, signal);
    ASSERT_TRUE(place);
    EXPECT_EQ(pool().waiting(), 1U);
    EXPECT_TRUE(pool().tune("alf1", {.weight = {}, .max_sessions = 2}));
    EXPECT_EQ(pool().waiting(), 0U);
    EXPECT_TRUE(place->take());
}

TEST_F(AdministrationTest, a_clients_backend_is_forgotten) {
    config.stick.by = config::StickBy::user;
    const auto log_in = [&](std::string_view user) {
        auto seat = choose(user);
        seat->logged_in(1ms);
        return name_of(seat);
    };
    const auto annas = log_in("anna");
    EXPECT_EQ(log_in("anna"), annas);
    (void)log_in("bert");
    EXPECT_EQ(pool().clients_remembered(), 2U);
    EXPECT_EQ(pool().remembered({ip("192.0.2.7"), "anna"})->backend, annas);
    EXPECT_FALSE(pool().remembered({ip("192.0.2.7"), "carl"}));
    EXPECT_FALSE(pool().forget_client({ip("192.0.2.7"), "carl"}));
    EXPECT_TRUE(pool().forget_client({ip("192.0.2.7"), "anna"}));
    EXPECT_EQ(pool().clients_remembered(), 1U);
    EXPECT_EQ(pool().forget_all_clients(), 1U);
    EXPECT_EQ(pool().clients_remembered(), 0U);
}

TEST_F(AdministrationTest, tells_since_when_and_why_a_backend_is_down) {
    const auto first = [this] { return pool().status().at(0); };
    const auto id = first().backend.id;
    EXPECT_EQ(first().health_since, std::nullopt);
    (void)pool().probe_passed(id);
    EXPECT_EQ(first().health_since, loop.now());
    EXPECT_EQ(first().reason, "");
    loop.run_for(5s);
    pool().probe_failed(id, "refused");
    EXPECT_EQ(first().health_since, loop.now());
    EXPECT_EQ(first().reason, "refused");
    loop.run_for(5s);
    pool().probe_failed(id, "timed out");
    EXPECT_EQ(first().health_since, loop.now() - 5s);
    EXPECT_EQ(first().reason, "timed out");
    (void)pool().probe_passed(id);
    EXPECT_EQ(first().reason, "");
}

}  // namespace
}  // namespace ballast::pool
