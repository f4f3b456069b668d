// SPDX-License-Identifier: Apache-2.0
// Clients that stick to a backend, as the balancers of a cluster tell each other.
#include "pool/pool.h"
#include "support/test_loop.h"

#include <gtest/gtest.h>
#include <map>
#include <vector>

namespace ballast::pool {
namespace {

using namespace std::chrono_literals;

base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }

class StuckTest : public testing::Test {
protected:
    StuckTest() {
        settings.name = "files";
        settings.stick.by = config::StickBy::user;
        settings.stick.timeout = 10min;
        settings.balance = balance::find_policy("first");
        for (int i = 1; i <= 3; ++i) {
            config::Backend backend;
            backend.name = "alf" + std::to_string(i);
            backend.host = "10.0.0.1" + std::to_string(i);
            settings.backends.push_back(backend);
        }
    }
    /// One of the balancers.
    Pool& at(const std::string& node) {
        auto& pool = nodes_[node];
        if (!pool) {
            pool = std::make_shared<Pool>(settings, [this] { return loop.now(); });
            pool->share(true);
        }
        return *pool;
    }
    Seat log_in(const std::string& node, std::string_view user, std::string_view backend = {}) {
        std::vector<BackendId> others;
        for (const auto& status : at(node).status())
            if (!backend.empty() && status.backend.name != backend)
                others.push_back(status.backend.id);
        auto seat = at(node).choose({ip("192.0.2.7"), user}, others);
        if (!seat) return {};
        seat->logged_in(1ms);
        return std::move(*seat);
    }
    /// A session that logs in and ends.
    std::string visit(const std::string& node, std::string_view user,
                      std::string_view backend = {}) {
        const auto seat = log_in(node, user, backend);
        return seat ? seat.backend().name : "none";
    }
    std::vector<Pool::Stuck> news(const std::string& node) { return at(node).take_stuck(1000); }
    void tell(const std::string& from, const std::string& to) { at(to).learn(news(from)); }

    support::TestLoop loop;
    config::Pool settings;

private:
    std::map<std::string, std::shared_ptr<Pool>> nodes_;
};

TEST_F(StuckTest, a_client_has_the_same_backend_at_every_balancer) {
    EXPECT_EQ(visit("a", "anna", "alf2"), "alf2");
    tell("a", "b");
    EXPECT_EQ(visit("b", "anna"), "alf2");
    EXPECT_EQ(visit("b", "bert"), "alf1");
    EXPECT_EQ(at("b").remembered({ip("192.0.2.7"), "anna"})->backend, "alf2");
}

TEST_F(StuckTest, a_network_sticks_everywhere) {
    settings.stick.by = config::StickBy::network;
    EXPECT_EQ(visit("a", "anna", "alf3"), "alf3");
    const auto told = news("a");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].who, "192.0.2.7/32");
    EXPECT_FALSE(told[0].is_user);
    at("b").learn(told);
    EXPECT_EQ(visit("b", "bert"), "alf3");
}

TEST_F(StuckTest, each_change_is_told_once) {
    EXPECT_TRUE(news("a").empty());
    (void)at("a").choose({ip("192.0.2.7"), "anna"}, {});  // never logs in
    EXPECT_TRUE(news("a").empty());
    auto first = log_in("a", "anna");
    auto second = log_in("a", "anna");
    const auto told = news("a");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].who, "anna");
    EXPECT_TRUE(told[0].is_user);
    EXPECT_EQ(told[0].backend, "alf1");
    EXPECT_EQ(base::to_string(told[0].address), "10.0.0.11:21");
    EXPECT_FALSE(told[0].is_gone);
    EXPECT_TRUE(news("a").empty());
    first = Seat();  // another session stays
    EXPECT_TRUE(news("a").empty());
    second = Seat();
    EXPECT_EQ(news("a").size(), 1U);
    EXPECT_TRUE(news("a").empty());
}

TEST_F(StuckTest, news_come_in_slices) {
    for (const auto* const user : {"anna", "bert", "carl"}) (void)visit("a", user);
    EXPECT_EQ(at("a").take_stuck(2).size(), 2U);
    EXPECT_EQ(at("a").take_stuck(2).size(), 1U);
    EXPECT_TRUE(at("a").take_stuck(2).empty());
}

TEST_F(StuckTest, nothing_is_noted_before_it_is_shared) {
    at("a").share(false);
    (void)visit("a", "anna");
    EXPECT_TRUE(news("a").empty());
    // Then everything that is known is news, and again with each further call.
    at("a").share(true);
    EXPECT_EQ(news("a").size(), 1U);
    EXPECT_TRUE(news("a").empty());
    at("a").share(true);
    EXPECT_EQ(news("a").size(), 1U);
    at("a").share(false);
    (void)visit("a", "anna");
    at("a").share(true);
    EXPECT_EQ(news("a").size(), 1U);
}

TEST_F(StuckTest, what_was_learnt_is_no_news_until_everything_is) {
    (void)visit("a", "anna");
    tell("a", "b");
    EXPECT_TRUE(news("b").empty());
    at("b").share(true);
    EXPECT_EQ(news("b").size(), 1U);
}

TEST_F(StuckTest, balancers_that_know_the_same_tell_it_once) {
    for (const auto* const user : {"anna", "bert", "carl"}) (void)visit("a", user);
    tell("a", "b");
    at("a").share(true);
    at("b").share(true);
    // One tells before the other has begun, or when it has already noted what to tell.
    const auto first = at("a").take_stuck(2);
    const auto noted = at("b").take_stuck(1);
    at("b").learn(first);
    EXPECT_EQ(first.size(), 2U);
    EXPECT_EQ(noted.size(), 1U);
    EXPECT_EQ(news("b").size(), 1U);
}

TEST_F(StuckTest, very_many_clients_are_told_in_the_end) {
    constexpr std::size_t clients = 10'000;
    for (std::size_t i = 0; i < clients; ++i) (void)visit("a", "user" + std::to_string(i));
    while (!news("a").empty()) {
    }
    at("a").share(true);
    std::size_t told = 0;
    for (auto some = news("a"); !some.empty(); some = news("a")) told += some.size();
    EXPECT_EQ(told, clients);
}

TEST_F(StuckTest, a_client_that_was_forgotten_does_not_come_back) {
    (void)visit("a", "anna", "alf2");
    const auto told = news("a");
    loop.run_for(1min);
    EXPECT_TRUE(at("a").forget_client({ip("192.0.2.7"), "anna"}));
    // What others have is read before this node tells them.
    at("a").learn(told);
    EXPECT_FALSE(at("a").remembered({ip("192.0.2.7"), "anna"}));
    // It tries to log in again, and fails.
    (void)at("a").choose({ip("192.0.2.7"), "anna"}, {});
    const auto news_of_a = news("a");
    ASSERT_EQ(news_of_a.size(), 1U);
    EXPECT_TRUE(news_of_a[0].is_gone);
    // Somebody else sees it later.
    at("b").learn(told);
    at("b").learn(news_of_a);
    EXPECT_FALSE(at("b").remembered({ip("192.0.2.7"), "anna"}));
}

TEST_F(StuckTest, the_age_is_that_of_the_last_use) {
    auto seat = log_in("a", "anna");
    loop.run_for(1min);
    EXPECT_EQ(news("a").at(0).age, 0ms);  // it is in use
    seat = Seat();
    loop.run_for(2min);
    EXPECT_EQ(news("a").at(0).age, 2min);
}

TEST_F(StuckTest, what_was_learnt_ends_as_it_would_have_where_it_was_used) {
    (void)visit("a", "anna", "alf2");
    loop.run_for(6min);
    tell("a", "b");
    loop.run_for(4min - 1s);
    EXPECT_TRUE(at("b").remembered({ip("192.0.2.7"), "anna"}));
    loop.run_for(1s);
    EXPECT_FALSE(at("b").remembered({ip("192.0.2.7"), "anna"}));
    EXPECT_EQ(visit("b", "anna"), "alf1");
    // What is over already is not learnt.
    (void)visit("a", "bert", "alf2");
    loop.run_for(10min);
    tell("a", "b");
    EXPECT_EQ(visit("b", "bert"), "alf1");
}

TEST_F(StuckTest, a_long_session_is_told_again_before_others_forget_it) {
    const auto seat = log_in("a", "anna", "alf2");
    const auto was_there = [&] { return visit("b", "anna") == "alf2"; };
    tell("a", "b");
    for (int i = 0; i < 100; ++i) {
        loop.run_for(1min);
        tell("a", "b");
    }
    ASSERT_TRUE(was_there());
    loop.run_for(9min);
    EXPECT_EQ(news("a").size(), 1U);
    EXPECT_TRUE(news("a").empty());
}

TEST_F(StuckTest, a_shorter_timeout_makes_everything_news) {
    const auto seat = log_in("a", "anna");
    EXPECT_EQ(news("a").size(), 1U);
    settings.stick.timeout = 2min;
    at("a").configure(std::make_shared<const config::Pool>(settings));
    EXPECT_EQ(news("a").size(), 1U);
    loop.run_for(1min);
    EXPECT_EQ(news("a").size(), 1U);
}

TEST_F(StuckTest, the_later_use_wins) {
    (void)visit("a", "anna", "alf2");
    loop.run_for(1s);
    (void)visit("b", "anna", "alf3");
    auto older = news("a");
    const auto later = news("b");
    at("b").learn(older);
    at("a").learn(later);
    EXPECT_EQ(visit("b", "anna"), "alf3");
    EXPECT_EQ(visit("a", "anna"), "alf3");
}

TEST_F(StuckTest, a_client_with_sessions_here_sticks_to_what_it_has_here) {
    const auto seat = log_in("a", "anna", "alf2");
    loop.run_for(1s);
    (void)visit("b", "anna", "alf3");
    tell("b", "a");
    EXPECT_EQ(visit("a", "anna"), "alf2");
}

TEST_F(StuckTest, an_attempt_that_fails_leaves_what_was_learnt_meanwhile) {
    (void)visit("b", "anna", "alf3");
    loop.run_for(1s);
    {
        const auto attempt = at("a").choose({ip("192.0.2.7"), "anna"}, {});
        ASSERT_EQ(attempt->backend().name, "alf1");
        tell("b", "a");
    }
    EXPECT_EQ(visit("a", "anna"), "alf3");
}

TEST_F(StuckTest, a_client_that_is_forgotten_is_forgotten_everywhere) {
    const auto seat = log_in("b", "anna", "alf2");
    tell("b", "a");
    loop.run_for(1s);
    EXPECT_TRUE(at("a").forget_client({ip("192.0.2.7"), "anna"}));
    const auto told = news("a");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].is_gone);
    EXPECT_EQ(told[0].who, "anna");
    EXPECT_TRUE(told[0].backend.empty());
    at("b").learn(told);
    EXPECT_EQ(at("b").clients_remembered(), 0U);
    EXPECT_TRUE(news("b").empty());
    loop.run_for(1h);
    EXPECT_TRUE(news("b").empty());  // its session is not told again
    EXPECT_EQ(visit("b", "anna"), "alf1");
}

TEST_F(StuckTest, what_was_known_before_does_not_come_back_before_the_others_know) {
    (void)visit("a", "anna", "alf2");
    const auto before = news("a");
    loop.run_for(10s);
    EXPECT_TRUE(at("a").forget_client({ip("192.0.2.7"), "anna"}));
    at("a").learn(before);
    EXPECT_EQ(at("a").clients_remembered(), 0);
    const auto told = news("a");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_TRUE(told[0].is_gone);
}

TEST_F(StuckTest, all_that_are_forgotten_are_told) {
    (void)visit("a", "anna");
    const auto seat = log_in("a", "bert");
    EXPECT_EQ(at("a").forget_all_clients(), 2U);
    const auto told = news("a");
    ASSERT_EQ(told.size(), 2U);
    EXPECT_TRUE(told[0].is_gone && told[1].is_gone);
    loop.run_for(1h);
    EXPECT_TRUE(news("a").empty());
}

TEST_F(StuckTest, a_use_after_it_was_forgotten_stays) {
    (void)visit("a", "anna", "alf2");
    loop.run_for(1s);
    EXPECT_TRUE(at("a").forget_client({ip("192.0.2.7"), "anna"}));
    const auto forgotten = news("a");
    ASSERT_EQ(forgotten.size(), 1U);
    loop.run_for(1s);
    (void)visit("b", "anna", "alf3");
    at("b").learn({{[&] {
        auto late = forgotten[0];
        late.age = 1s;
        return late;
    }()}});
    EXPECT_EQ(visit("b", "anna"), "alf3");
}

TEST_F(StuckTest, a_client_that_comes_back_after_it_was_forgotten_is_told) {
    (void)visit("a", "anna");
    EXPECT_TRUE(at("a").forget_client({ip("192.0.2.7"), "anna"}));
    (void)visit("a", "anna", "alf2");
    const auto told = news("a");
    ASSERT_EQ(told.size(), 1U);
    EXPECT_FALSE(told[0].is_gone);
    EXPECT_EQ(told[0].backend, "alf2");
}

TEST_F(StuckTest, the_table_is_bounded_and_old_knowledge_does_not_fill_it) {
    settings.stick.entries_max = 2;
    for (const auto* const user : {"old", "older"}) (void)visit("a", user, "alf2");
    loop.run_for(1min);
    for (const auto* const user : {"anna", "bert"}) (void)visit("b", user, "alf3");
    tell("a", "b");
    EXPECT_EQ(at("b").clients_remembered(), 2U);
    EXPECT_TRUE(at("b").remembered({ip("192.0.2.7"), "anna"}));
    loop.run_for(1s);
    (void)visit("a", "new", "alf2");
    tell("a", "b");
    EXPECT_EQ(at("b").clients_remembered(), 2U);
    EXPECT_TRUE(at("b").remembered({ip("192.0.2.7"), "new"}));
    EXPECT_FALSE(at("b").remembered({ip("192.0.2.7"), "anna"}));
    // The client that fell out of the table is not told any more, and is not missed.
    EXPECT_EQ(news("b").size(), 1U);
}

TEST_F(StuckTest, what_does_not_fit_the_pools_setting_is_left_out) {
    (void)visit("a", "anna", "alf2");
    auto told = news("a");
    settings.stick.by = config::StickBy::network;
    at("b").learn(told);
    EXPECT_EQ(at("b").clients_remembered(), 0U);
    settings.stick.by = config::StickBy::none;
    at("c").learn(told);
    EXPECT_EQ(at("c").clients_remembered(), 0U);
}

TEST_F(StuckTest, a_backend_that_is_unknown_here_binds_nobody) {
    (void)visit("a", "anna", "alf2");
    auto told = news("a");
    told[0].backend = "elsewhere";
    at("b").learn(told);
    EXPECT_EQ(visit("b", "anna"), "alf1");
}

TEST_F(StuckTest, a_client_of_a_backend_that_is_gone_is_not_told) {
    (void)visit("a", "anna", "alf2");
    (void)visit("a", "bert", "alf1");
    settings.backends.erase(settings.backends.begin() + 1);
    at("a").configure(std::make_shared<const config::Pool>(settings));
    const auto told = at("a").take_stuck(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].who, "bert");
}

}  // namespace
}  // namespace ballast::pool
