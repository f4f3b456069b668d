// SPDX-License-Identifier: Apache-2.0
// What the ledgers of a cluster's balancers tell each other.
#include "guard/sharing.h"

#include "guard/ledger.h"
#include "support/borrowed.h"
#include "support/processor_time.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ballast::guard {
namespace {

using namespace std::chrono_literals;

class SharingTest : public testing::Test {
protected:
    static base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }
    static std::uint64_t digest(std::string_view text) {
        return std::hash<std::string_view>()(text);
    }
    /// One of the balancers.
    Ledger& at(const std::string& node) {
        auto& ledger = nodes_[node];
        if (!ledger) {
            ledger = std::make_unique<Ledger>(support::borrowed(limits), limits.sessions, now);
            ledger->share([this](std::string_view text) {
                ++digests;
                return digest(text);
            });
        }
        return *ledger;
    }
    std::optional<Limit> enter(const std::string& node, const base::Ip& client) {
        return keep(at(node).enter(listener, client, now));
    }
    std::optional<Limit> log_in(const std::string& node, std::string_view user,
                                std::string_view pool = "files") {
        return keep(at(node).logged_in({pool, user}));
    }
    std::optional<Limit> fail(const std::string& node, const std::string& user) {
        return at(node).login_failed({"files", user}, anna, now);
    }
    /// As a heartbeat does.
    void tell(const std::string& from, const std::string& to) {
        const auto changes = at(from).take_changes(1000);
        at(to).set_elsewhere(changes.counts);
        for (const auto& ban : changes.bans) at(to).follow(ban, now);
        for (const auto& failure : changes.failures) (void)at(to).failed_elsewhere(failure, now);
    }
    std::vector<std::string> bans(const std::string& node) {
        std::vector<std::string> all;
        for (const auto& ban : at(node).bans(now))
            all.push_back(ban.client + ' ' + ban.pool + ' ' + ban.user);
        return all;
    }

    config::Limits limits = [] {
        config::Limits made;
        made.sessions = 1000;
        return made;
    }();
    config::Listener listener;
    const base::Ip anna = ip("198.51.100.7");
    const base::Ip bert = ip("198.51.100.8");
    Ledger::Time now{1h};
    int digests = 0;
    std::list<Ledger::Held> held;

private:
    std::optional<Limit> keep(std::expected<Ledger::Held, Limit> place) {
        if (!place) return place.error();
        held.push_back(std::move(*place));
        return std::nullopt;
    }

    std::map<std::string, std::unique_ptr<Ledger>> nodes_;
};

TEST_F(SharingTest, an_address_has_its_sessions_at_all_balancers_together) {
    limits.sessions_per_address = 3;
    EXPECT_FALSE(enter("a", anna));
    EXPECT_FALSE(enter("a", anna));
    tell("a", "b");
    EXPECT_FALSE(enter("b", anna));
    EXPECT_EQ(enter("b", anna), Limit::sessions_of_address);
    EXPECT_FALSE(enter("b", bert));
    held.pop_front();
    tell("a", "b");
    EXPECT_FALSE(enter("b", anna));
    held.clear();
}

TEST_F(SharingTest, an_ipv6_network_is_one_client_everywhere) {
    limits.sessions_per_address = 1;
    EXPECT_FALSE(enter("a", ip("2001:db8::1")));
    tell("a", "b");
    EXPECT_EQ(enter("b", ip("2001:db8::2")), Limit::sessions_of_address);
    held.clear();
}

TEST_F(SharingTest, the_default_of_an_address_is_a_share_of_each_balancers_own_sessions) {
    limits.sessions = 100;
    for (int i = 0; i < 25; ++i) ASSERT_FALSE(enter("a", anna));
    EXPECT_EQ(enter("a", anna), Limit::sessions_of_address);
    tell("a", "b");
    EXPECT_FALSE(enter("b", anna));
    held.clear();
}

TEST_F(SharingTest, a_user_has_its_sessions_at_all_balancers_together) {
    limits.sessions_per_user = 2;
    EXPECT_FALSE(log_in("a", "carl"));
    tell("a", "b");
    EXPECT_FALSE(log_in("b", "carl"));
    EXPECT_EQ(log_in("b", "carl"), Limit::sessions_of_user);
    EXPECT_FALSE(log_in("b", "carl", "others"));
    EXPECT_FALSE(log_in("b", "dora"));
    held.clear();
    tell("a", "b");
    EXPECT_FALSE(log_in("b", "carl"));
    EXPECT_FALSE(log_in("b", "carl"));
    held.clear();
}

TEST_F(SharingTest, counts_are_told_once_and_as_they_are_now) {
    EXPECT_FALSE(enter("a", anna));
    EXPECT_FALSE(enter("a", anna));
    EXPECT_FALSE(enter("a", bert));
    auto counts = at("a").take_changes(1000).counts;
    ASSERT_EQ(counts.size(), 2U);
    const auto of = [&](const base::Ip& client) {
        const auto who = digest("address\n" + base::to_string(client));
        const auto found = std::ranges::find(counts, who, &Sharing::Count::who);
        return found == counts.end() ? -1 : static_cast<int>(found->sessions);
    };
    EXPECT_EQ(of(anna), 2);
    EXPECT_EQ(of(bert), 1);
    EXPECT_TRUE(at("a").take_changes(1000).is_empty());
    held.clear();
    counts = at("a").take_changes(1000).counts;
    EXPECT_EQ(of(anna), 0);
    EXPECT_EQ(of(bert), 0);
}

TEST_F(SharingTest, the_digest_is_computed_once_for_a_client_with_sessions) {
    limits.sessions_per_user = 9;
    for (int i = 0; i < 5; ++i) {
        EXPECT_FALSE(enter("a", anna));
        EXPECT_FALSE(log_in("a", "carl"));
    }
    EXPECT_EQ(digests, 2);
    held.clear();
    EXPECT_EQ(digests, 2);
}

TEST_F(SharingTest, a_snapshot_comes_in_slices) {
    limits.sessions_per_user = 9;
    std::map<std::uint64_t, std::uint32_t> expected;
    for (int i = 0; i < 10; ++i) {
        const auto client = ip("198.51.100." + std::to_string(i));
        for (int k = 0; k <= i; ++k) EXPECT_FALSE(enter("a", client));
        expected[digest("address\n" + base::to_string(client))] = static_cast<std::uint32_t>(i + 1);
    }
    EXPECT_FALSE(log_in("a", "carl"));
    expected[digest("user\nfiles\ncarl")] = 1;
    std::map<std::uint64_t, std::uint32_t> seen;
    int slices = 0;
    for (std::uint64_t after = 0; slices == 0 || after != 0; ++slices) {
        const auto slice = at("a").counts(after, 4);
        EXPECT_LE(slice.counts.size(), 4U);
        for (const auto& [who, sessions] : slice.counts) seen[who] = sessions;
        after = slice.next;
    }
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(slices, 3);
    held.clear();
    EXPECT_TRUE(at("a").counts(0, 4).counts.empty());
}

TEST_F(SharingTest, what_is_counted_before_it_is_shared_is_told_then) {
    limits.sessions_per_user = 9;
    at("a").share(nullptr);
    EXPECT_FALSE(enter("a", anna));
    EXPECT_FALSE(log_in("a", "carl"));
    (void)fail("a", "carl");
    EXPECT_TRUE(at("a").take_changes(1000).is_empty());
    at("a").share(digest);
    EXPECT_EQ(at("a").take_changes(1000).counts.size(), 2U);
    EXPECT_EQ(at("a").counts(0, 10).counts.size(), 2U);
    held.clear();
    EXPECT_EQ(at("a").take_changes(1000).counts.size(), 2U);
}

TEST_F(SharingTest, nothing_of_others_is_left_when_it_ends) {
    limits.sessions_per_address = 1;
    EXPECT_FALSE(enter("a", anna));
    tell("a", "b");
    EXPECT_EQ(enter("b", anna), Limit::sessions_of_address);
    at("b").forget_elsewhere();
    EXPECT_FALSE(enter("b", anna));
    held.clear();
    EXPECT_FALSE(enter("a", bert));
    tell("a", "b");
    EXPECT_EQ(enter("b", bert), Limit::sessions_of_address);
    at("b").share(nullptr);
    EXPECT_FALSE(enter("b", bert));
    held.clear();
}

TEST_F(SharingTest, changes_come_in_slices) {
    limits.failed_logins_per_user = 100;
    for (int i = 0; i < 5; ++i) (void)fail("a", "carl");
    std::size_t failures = 0;
    for (int i = 0; i < 3; ++i) failures += at("a").take_changes(2).failures.size();
    EXPECT_EQ(failures, 5U);
    EXPECT_TRUE(at("a").take_changes(2).is_empty());
}

TEST_F(SharingTest, failed_logins_count_at_all_balancers_together) {
    limits.failed_logins_per_address = 100;
    limits.failed_logins_per_user = 4;
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_FALSE(fail("a", "carl"));
    tell("a", "b");
    EXPECT_FALSE(fail("b", "carl"));
    EXPECT_EQ(fail("b", "carl"), Limit::banned_user);
    EXPECT_FALSE(fail("b", "dora"));
    tell("b", "a");
    const std::vector<std::string> expected = {"198.51.100.7 files carl"};
    EXPECT_EQ(bans("a"), expected);
    EXPECT_EQ(bans("b"), expected);
    EXPECT_EQ(at("a").ban_of({"files", "carl"}, anna, now), Limit::banned_user);
    // What it has learnt it does not tell.
    EXPECT_TRUE(at("a").take_changes(1000).is_empty());
}

TEST_F(SharingTest, failures_without_a_user_count_for_the_address) {
    limits.failed_logins_per_address = 2;
    limits.failed_logins_per_user = 1;
    EXPECT_FALSE(fail("a", {}));
    tell("a", "b");
    EXPECT_EQ(fail("b", {}), Limit::banned_address);
    EXPECT_EQ(enter("b", anna), Limit::banned_address);
    tell("b", "a");
    EXPECT_EQ(enter("a", anna), Limit::banned_address);
}

TEST_F(SharingTest, a_ban_that_another_balancers_failure_starts_is_told) {
    limits.failed_logins_per_user = 2;
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_FALSE(fail("b", "carl"));
    auto changes = at("b").take_changes(1000);
    ASSERT_EQ(changes.failures.size(), 1U);
    EXPECT_EQ(at("a").failed_elsewhere(changes.failures[0], now), Limit::banned_user);
    changes = at("a").take_changes(1000);
    ASSERT_EQ(changes.bans.size(), 1U);
    EXPECT_EQ(changes.bans[0].user, "carl");
    EXPECT_EQ(changes.bans[0].until, now + limits.ban_time);
    EXPECT_EQ(changes.failures.size(), 1U);  // its own, not the other's
}

TEST_F(SharingTest, failures_of_the_banned_do_not_count_again) {
    limits.failed_logins_per_address = 3;
    limits.failed_logins_per_user = 1;
    EXPECT_EQ(fail("a", "carl"), Limit::banned_user);
    tell("a", "b");  // the ban, then the failure that led to it
    EXPECT_EQ(bans("b").size(), 1U);
    EXPECT_TRUE(at("b").take_changes(1000).is_empty());
    // It does count for the address.
    EXPECT_EQ(fail("b", "dora"), Limit::banned_user);
    EXPECT_EQ(fail("b", "emil"), Limit::banned_address);
}

TEST_F(SharingTest, a_later_decision_counts_instead) {
    limits.failed_logins_per_address = 1;
    EXPECT_EQ(fail("a", {}), Limit::banned_address);
    at("a").follow({"198.51.100.7", {}, {}, now + 1min}, now);
    ASSERT_EQ(at("a").bans(now).size(), 1U);
    EXPECT_EQ(at("a").bans(now)[0].until, now + 1min);
    EXPECT_EQ(at("a").ban_count(now), 1U);
    now += 1min;
    EXPECT_FALSE(enter("a", anna));
    // One that is over already.
    EXPECT_EQ(fail("a", {}), Limit::banned_address);
    at("a").follow({"198.51.100.7", {}, {}, now}, now);
    EXPECT_FALSE(enter("a", anna));
    EXPECT_EQ(at("a").ban_count(now), 0U);
    held.clear();
}

TEST_F(SharingTest, a_ban_is_lifted_everywhere) {
    limits.failed_logins_per_address = 3;
    limits.failed_logins_per_user = 2;
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_EQ(fail("a", "carl"), Limit::banned_user);
    EXPECT_EQ(fail("a", "dora"), Limit::banned_address);
    tell("a", "b");
    EXPECT_EQ(bans("b").size(), 2U);
    EXPECT_EQ(at("b").unban(anna, {}, now), 2U);
    tell("b", "a");
    EXPECT_TRUE(bans("a").empty());
    EXPECT_TRUE(at("a").take_changes(1000).is_empty());
    // The failures are forgotten, too.
    EXPECT_FALSE(fail("a", "dora"));
    EXPECT_FALSE(fail("a", {}));
}

TEST_F(SharingTest, a_ban_that_is_lifted_where_the_failures_are_unknown_clears_them_elsewhere) {
    limits.failed_logins_per_address = 3;
    limits.failed_logins_per_user = 2;
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_FALSE(fail("a", {}));
    EXPECT_EQ(at("b").unban(anna, {}, now), 0U);
    tell("b", "a");
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_FALSE(fail("a", {}));
}

TEST_F(SharingTest, the_ban_of_one_user_is_lifted_and_no_other) {
    limits.failed_logins_per_user = 1;
    EXPECT_EQ(fail("a", "carl"), Limit::banned_user);
    EXPECT_EQ(fail("a", "carla"), Limit::banned_user);
    tell("a", "b");
    EXPECT_EQ(at("b").unban(anna, "carl", now), 1U);
    tell("b", "a");
    EXPECT_EQ(bans("a"), std::vector<std::string>{"198.51.100.7 files carla"});
    EXPECT_EQ(at("a").ban_count(now), 1U);
}

TEST_F(SharingTest, a_lifted_ban_does_not_look_at_all_failures_of_others) {
    limits.failed_logins_per_address = 0;
    const auto begun_at = support::processor_time();
    constexpr int clients = 50'000;
    const auto client = [](int i) {
        return ip("10.1." + std::to_string(i / 250) + '.' + std::to_string(i % 250));
    };
    for (int i = 0; i < clients; ++i) (void)at("a").login_failed({"files", "carl"}, client(i), now);
    const auto filled_at = support::processor_time();
    for (int i = 0; i < clients; i += 50)
        at("a").follow({base::to_string(client(i)), {}, {}, {}}, now);
    // To look at all of them each time would take far longer.
    EXPECT_LT(support::processor_time() - filled_at, filled_at - begun_at);
    EXPECT_EQ(bans("a").size(), 0U);
}

TEST_F(SharingTest, lifting_an_address_forgets_its_own_users_alone) {
    limits.failed_logins_per_user = 1;
    // In the order of the text these are just before and behind the client.
    for (const auto* const other : {"198.51.100.6", "198.51.100.70", "198.51.100.71"})
        EXPECT_EQ(at("a").login_failed({"files", "carl"}, ip(other), now), Limit::banned_user);
    EXPECT_EQ(fail("a", "carl"), Limit::banned_user);
    EXPECT_EQ(fail("a", "dora"), Limit::banned_user);
    EXPECT_EQ(at("a").unban(anna, {}, now), 2U);
    EXPECT_EQ(at("a").ban_count(now), 3U);
    EXPECT_EQ(at("a").unban(ip("198.51.100.70"), "carl", now), 1U);
    EXPECT_EQ(at("a").ban_count(now), 2U);
}

TEST_F(SharingTest, bans_are_told_in_their_order) {
    limits.failed_logins_per_user = 1;
    EXPECT_EQ(fail("a", "carl"), Limit::banned_user);
    EXPECT_EQ(at("a").unban(anna, "carl", now), 1U);
    EXPECT_EQ(fail("a", "dora"), Limit::banned_user);
    const auto changes = at("a").take_changes(1000).bans;
    ASSERT_EQ(changes.size(), 3U);
    EXPECT_TRUE(changes[0].until);
    EXPECT_FALSE(changes[1].until);
    EXPECT_EQ(changes[1].user, "carl");
    EXPECT_EQ(changes[1].pool, "files");
    EXPECT_EQ(changes[2].user, "dora");
}

TEST_F(SharingTest, nobody_tells_of_failures_that_count_nowhere) {
    limits.failed_logins_per_address = 0;
    limits.failed_logins_per_user = 0;
    EXPECT_FALSE(fail("a", "carl"));
    EXPECT_TRUE(at("a").take_changes(1000).is_empty());
}

TEST(Sharing, says_that_it_has_lost_counts_that_nobody_took) {
    Sharing sharing([](std::string_view) { return 0; });
    for (std::uint64_t who = 1; who <= 200'000; ++who) sharing.count(who, 1);
    EXPECT_FALSE(sharing.take(0).has_gap);
    sharing.count(200'001, 1);
    // This one is among them already.
    sharing.count(200'000, 2);
    const auto changes = sharing.take(200'000);
    EXPECT_TRUE(changes.has_gap);
    // The first ones are kept: to drop them would take long under the ledger's lock.
    EXPECT_EQ(changes.counts.size(), 200'000U);
    EXPECT_TRUE(sharing.take(10).is_empty());
    EXPECT_EQ(sharing.counts(0, 300'000).counts.size(), 200'001U);
}

TEST(Sharing, a_count_that_changes_again_is_not_lost_when_there_is_no_room) {
    Sharing sharing([](std::string_view) { return 0; });
    for (std::uint64_t who = 1; who <= 200'000; ++who) sharing.count(who, 1);
    sharing.count(200'000, 2);
    EXPECT_FALSE(sharing.take(0).has_gap);
}

TEST(Sharing, says_that_it_has_lost_bans_that_nobody_took) {
    Sharing sharing([](std::string_view) { return 0; });
    for (int i = 0; i < 200'001; ++i) sharing.note(Sharing::Ban{"192.0.2.1", {}, {}, {}});
    const auto changes = sharing.take(200'001);
    EXPECT_TRUE(changes.has_gap);
    EXPECT_EQ(changes.bans.size(), 200'000U);
    EXPECT_TRUE(sharing.take(10).is_empty());
}

TEST(Sharing, many_bans_are_taken_as_quickly_as_they_were_noted) {
    Sharing sharing([](std::string_view) { return 0; });
    const auto begun_at = support::processor_time();
    for (int i = 0; i < 200'000; ++i) sharing.note(Sharing::Ban{"192.0.2.1", {}, {}, {}});
    const auto noted_at = support::processor_time();
    std::size_t taken = 0;
    while (const auto some = sharing.take(100).bans.size()) taken += some;
    EXPECT_EQ(taken, 200'000U);
    // Moving the rest with each take would take far longer.
    EXPECT_LT(support::processor_time() - noted_at, 10 * (noted_at - begun_at));
}

}  // namespace
}  // namespace ballast::guard
