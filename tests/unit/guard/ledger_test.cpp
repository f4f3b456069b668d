// SPDX-License-Identifier: Apache-2.0
#include "guard/ledger.h"

#include "support/borrowed.h"
#include "support/log_lines.h"

#include <ctime>
#include <gtest/gtest.h>
#include <list>
#include <vector>

namespace ballast::guard {
namespace {

using namespace std::chrono_literals;

class LedgerTest : public testing::Test {
protected:
    static base::Ip ip(const std::string& text) { return base::Ip::parse(text).value(); }
    Ledger& ledger() {
        if (!ledger_) ledger_.emplace(support::borrowed(limits), limits.sessions, now);
        return *ledger_;
    }
    /// The limit that was reached; empty: none, and the place is held.
    std::optional<Limit> accept() { return keep(ledger().accept()); }
    std::optional<Limit> enter(const base::Ip& client) {
        return keep(ledger().enter(listener, client, now));
    }
    std::optional<Limit> keep(std::expected<Ledger::Held, Limit> place) {
        if (!place) return place.error();
        held.push_back(std::move(*place));
        return std::nullopt;
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
    std::list<Ledger::Held> held;

private:
    std::optional<Ledger> ledger_;
};

TEST_F(LedgerTest, holds_a_number_of_sessions_until_they_are_given_back) {
    limits.sessions = 2;
    EXPECT_FALSE(enter(anna));
    EXPECT_FALSE(enter(bert));
    EXPECT_EQ(enter(anna), Limit::sessions);
    EXPECT_FALSE(accept());  // the client's own limits are checked first
    held.pop_front();
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, says_when_the_last_session_has_left_a_drained_balancer) {
    EXPECT_FALSE(enter(anna));
    EXPECT_FALSE(enter(bert));
    support::LogLines lines(log::Level::info);
    const std::string_view drained = "balancer drained";
    ledger().admit_none(true);
    EXPECT_TRUE(ledger().admits_none());
    held.pop_front();
    EXPECT_EQ(lines.count(drained), 0);
    held.pop_front();
    EXPECT_EQ(lines.count(drained), 1);
    ledger().admit_none(false);
    EXPECT_FALSE(ledger().admits_none());
    EXPECT_FALSE(enter(anna));
    held.clear();
    EXPECT_EQ(lines.count(drained), 1);  // nobody drains it now
    ledger().admit_none(true);
    EXPECT_EQ(lines.count(drained), 2);
}

TEST_F(LedgerTest, accepts_some_more_connections_than_sessions_but_not_any_number) {
    limits.sessions = 100;
    std::size_t taken = 0;
    while (!accept()) ++taken;
    EXPECT_EQ(taken, 116);
    held.pop_front();
    EXPECT_FALSE(accept());
    EXPECT_EQ(accept(), Limit::sessions);
    held.clear();
}

TEST_F(LedgerTest, accepts_a_number_of_new_sessions_per_second) {
    limits.session_rate = 10;
    limits.session_rate_per_address = 0;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(bert), Limit::session_rate);
    now += 100ms;
    EXPECT_FALSE(enter(bert));
    EXPECT_EQ(enter(anna), Limit::session_rate);
    held.clear();
}

TEST_F(LedgerTest, a_client_refused_by_its_own_limits_uses_up_nothing_shared) {
    limits.session_rate = 10;
    limits.session_rate_per_address = 3;
    limits.failed_logins_per_address = 1;
    const auto carl = ip("198.51.100.9");
    EXPECT_TRUE(ledger().login_failed({"p", "a"}, carl, now));
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(enter(anna));
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(enter(anna), Limit::session_rate_of_address);
        EXPECT_EQ(enter(carl), Limit::banned_address);
    }
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(enter(bert));
    held.clear();
}

TEST_F(LedgerTest, reports_the_setting_of_a_limit_and_its_effective_value) {
    limits.sessions = 480;
    listener.where.key = "listener.ftp";
    listener.max_sessions = 40;
    const auto setting = [&](Limit limit) {
        const auto found = ledger().setting_of(limit, listener);
        EXPECT_FALSE(found.cure.empty());
        return found.key + " " + std::to_string(found.value);
    };
    EXPECT_EQ(setting(Limit::sessions), "limits.sessions 480");
    EXPECT_EQ(setting(Limit::sessions_of_listener), "listener.ftp.max_sessions 40");
    // A quarter of the listener's, because one address may have no more.
    EXPECT_EQ(setting(Limit::sessions_of_address), "limits.sessions_per_address 10");
    listener.max_sessions = 0;
    EXPECT_EQ(setting(Limit::sessions_of_address), "limits.sessions_per_address 120");
    limits.sessions_per_address = 7;
    EXPECT_EQ(setting(Limit::sessions_of_address), "limits.sessions_per_address 7");
    EXPECT_EQ(setting(Limit::session_rate_of_address), "limits.session_rate_per_address 200");
    EXPECT_EQ(setting(Limit::banned_address), "limits.failed_logins_per_address 30");
    EXPECT_EQ(setting(Limit::banned_user), "limits.failed_logins_per_user 10");
    EXPECT_EQ(setting(Limit::login_rate), "limits.login_rate 500");
    ledger().look_at_memory(1, 5000);
    EXPECT_EQ(setting(Limit::memory), "limits.memory 5000");
}

TEST_F(LedgerTest, an_address_may_have_a_quarter_of_all_places) {
    limits.sessions = 480;
    limits.session_rate_per_address = 0;
    for (int i = 0; i < 120; ++i) EXPECT_FALSE(enter(anna)) << i;
    EXPECT_EQ(enter(anna), Limit::sessions_of_address);
    EXPECT_FALSE(enter(bert));
    limits.sessions_per_address = 121;
    EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(anna), Limit::sessions_of_address);
    limits.sessions_per_address = 0;
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, an_address_may_have_a_quarter_of_a_listener) {
    limits.session_rate_per_address = 0;
    listener.max_sessions = 40;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(enter(anna)) << i;
    EXPECT_EQ(enter(anna), Limit::sessions_of_address);
    config::Listener other;
    other.name = "other";
    EXPECT_TRUE(ledger().enter(other, anna, now));
    EXPECT_FALSE(enter(bert));
    limits.sessions_per_address = 100;
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, an_address_may_have_a_quarter_of_the_new_sessions_a_second) {
    limits.session_rate = 40;
    for (int i = 0; i < 10; ++i) EXPECT_FALSE(enter(anna)) << i;
    EXPECT_EQ(enter(anna), Limit::session_rate_of_address);
    EXPECT_FALSE(enter(bert));
    held.clear();
}

TEST_F(LedgerTest, a_place_on_loan_makes_room_for_a_new_client) {
    limits.sessions = 2;
    EXPECT_FALSE(enter(anna));
    EXPECT_FALSE(enter(bert));
    int recalled = 0;
    auto loan = ledger().lend(listener, anna, [&] { ++recalled; });
    EXPECT_FALSE(enter(bert));
    EXPECT_EQ(recalled, 1);
    // It has been recalled, and there is no other loan.
    EXPECT_EQ(enter(bert), Limit::sessions);
    loan = Ledger::Held();
    held.pop_front();
    // A client that has logged in keeps its place.
    EXPECT_EQ(enter(anna), Limit::sessions);
    EXPECT_EQ(recalled, 1);
    held.clear();
}

TEST_F(LedgerTest, the_address_with_most_loans_makes_room_with_its_oldest) {
    limits.sessions = 4;
    const std::vector<base::Ip> who = {bert, anna, anna, bert};
    std::vector<std::size_t> recalled;
    std::vector<Ledger::Held> loans;
    for (std::size_t i = 0; i < who.size(); ++i) {
        EXPECT_FALSE(enter(who[i]));
        if (i < 3)
            loans.push_back(
                ledger().lend(listener, who[i], [&recalled, i] { recalled.push_back(i); }));
    }
    EXPECT_FALSE(enter(ip("198.51.100.9")));
    EXPECT_EQ(recalled, std::vector<std::size_t>{1});
    loans.clear();
    held.clear();
}

TEST_F(LedgerTest, a_full_listener_recalls_its_own_loans_only) {
    listener.max_sessions = 1;
    config::Listener other;
    other.name = "other";
    const auto elsewhere = ledger().enter(other, anna, now);
    int recalled = 0;
    auto loan = ledger().lend(other, anna, [&] { ++recalled; });
    EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(bert), Limit::sessions_of_listener);
    EXPECT_EQ(recalled, 0);
    loan = Ledger::Held();
    held.clear();
}

TEST_F(LedgerTest, loans_of_other_listeners_cost_a_full_listener_nothing) {
    limits.session_rate_per_address = 0;
    listener.max_sessions = 1;
    config::Listener other;
    other.name = "other";
    const auto elsewhere = ledger().enter(other, anna, now);
    std::vector<Ledger::Held> loans;
    for (int i = 0; i < 200'000; ++i) loans.push_back(ledger().lend(other, anna, [] {}));
    EXPECT_FALSE(enter(anna));
    // Processor time, so that a busy machine does not matter. Searching all loans each time would
    // take minutes.
    const auto began = std::clock();
    for (int i = 0; i < 10'000; ++i) EXPECT_EQ(enter(bert), Limit::sessions_of_listener);
    EXPECT_LT(std::clock() - began, 5 * CLOCKS_PER_SEC);
    loans.clear();
    held.clear();
}

TEST_F(LedgerTest, each_loan_is_recalled_once_and_the_next_in_age_follows) {
    limits.sessions = 3;
    std::vector<int> recalled;
    std::vector<Ledger::Held> loans;
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(enter(anna));
        loans.push_back(ledger().lend(listener, anna, [&, i] { recalled.push_back(i); }));
    }
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(enter(bert));
    EXPECT_EQ(enter(bert), Limit::sessions);
    EXPECT_EQ(recalled, (std::vector{0, 1, 2}));
    loans.clear();
    held.clear();
}

TEST_F(LedgerTest, a_refused_client_recalls_nothing) {
    limits.sessions = 1;
    limits.session_rate = 1;
    EXPECT_FALSE(enter(anna));
    int recalled = 0;
    auto loan = ledger().lend(listener, anna, [&] { ++recalled; });
    EXPECT_EQ(enter(bert), Limit::session_rate);
    EXPECT_EQ(recalled, 0);
    loan = Ledger::Held();
    held.clear();
}

TEST_F(LedgerTest, connections_for_logins_have_a_rate_per_second) {
    limits.login_rate_per_address = 3;
    limits.login_rate = 5;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(ledger().begin_login(anna, now));
    const auto wait = ledger().begin_login(anna, now);
    ASSERT_TRUE(wait);
    EXPECT_EQ(wait->limit, Limit::login_rate_of_address);
    EXPECT_FALSE(ledger().begin_login(bert, now));
    EXPECT_FALSE(ledger().begin_login(bert, now));
    EXPECT_EQ(ledger().begin_login(bert, now)->limit, Limit::login_rate);
    EXPECT_FALSE(ledger().begin_login(anna, wait->until));
    EXPECT_TRUE(ledger().begin_login(anna, wait->until));
}

TEST_F(LedgerTest, connections_that_led_to_a_login_do_not_count) {
    limits.login_rate_per_address = 3;
    for (int i = 0; i < 100; ++i) {
        EXPECT_FALSE(ledger().begin_login(anna, now));
        EXPECT_FALSE(ledger().begin_login(anna, now));
        ledger().login_succeeded(anna, 2, now);
    }
}

TEST_F(LedgerTest, accepts_nobody_while_memory_is_short) {
    ledger().look_at_memory(2, 1);
    EXPECT_EQ(accept(), Limit::memory);
    ledger().look_at_memory(1, 1);
    EXPECT_FALSE(accept());
    held.clear();
}

TEST_F(LedgerTest, counts_the_sessions_of_a_listener) {
    listener.max_sessions = 1;
    EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(bert), Limit::sessions_of_listener);
    config::Listener other;
    other.name = "other";
    EXPECT_TRUE(ledger().enter(other, bert, now));
    held.clear();
    EXPECT_FALSE(enter(bert));
    held.clear();
}

TEST_F(LedgerTest, counts_the_sessions_of_an_address_and_of_an_ipv6_network) {
    limits.sessions_per_address = 2;
    EXPECT_FALSE(enter(anna));
    EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(anna), Limit::sessions_of_address);
    EXPECT_FALSE(enter(bert));
    EXPECT_FALSE(enter(ip("2001:db8::1")));
    EXPECT_FALSE(enter(ip("2001:db8::2")));
    EXPECT_EQ(enter(ip("2001:db8::3")), Limit::sessions_of_address);
    EXPECT_FALSE(enter(ip("2001:db8:0:1::1")));
    held.clear();
}

TEST_F(LedgerTest, accepts_a_number_of_new_sessions_of_an_address_per_second) {
    limits.session_rate_per_address = 3;
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(enter(anna));
    EXPECT_EQ(enter(anna), Limit::session_rate_of_address);
    EXPECT_FALSE(enter(bert));
    held.clear();  // ended sessions make no room
    EXPECT_EQ(enter(anna), Limit::session_rate_of_address);
    now += 1s;
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, bans_an_address_after_a_number_of_failed_logins) {
    limits.failed_logins_per_address = 3;
    EXPECT_FALSE(ledger().login_failed({"p", "a"}, anna, now));
    EXPECT_FALSE(ledger().login_failed({"p", "b"}, anna, now));
    EXPECT_FALSE(enter(anna));
    EXPECT_TRUE(ledger().login_failed({"q", "c"}, anna, now));
    EXPECT_EQ(enter(anna), Limit::banned_address);
    EXPECT_EQ(ledger().ban_of({"p", "a"}, anna, now), Limit::banned_address);
    EXPECT_EQ(ledger().ban_count(now), 1);
    EXPECT_EQ(ledger().ban_count(now + limits.ban_time), 0);
    EXPECT_FALSE(enter(bert));
    now += limits.ban_time;
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, failed_logins_count_for_their_time_only) {
    limits.failed_logins_per_address = 2;
    EXPECT_FALSE(ledger().login_failed({"p", "a"}, anna, now));
    now += limits.failed_login_window + 1ms;
    EXPECT_FALSE(ledger().login_failed({"p", "a"}, anna, now));
    EXPECT_TRUE(ledger().login_failed({"p", "a"}, anna, now));
}

TEST_F(LedgerTest, bans_a_user_at_the_address_that_guessed_and_nowhere_else) {
    limits.failed_logins_per_user = 2;
    EXPECT_FALSE(ledger().login_failed({"p", "carl"}, anna, now));
    EXPECT_TRUE(ledger().login_failed({"p", "carl"}, anna, now));
    EXPECT_EQ(ledger().ban_of({"p", "carl"}, anna, now), Limit::banned_user);
    EXPECT_FALSE(ledger().ban_of({"p", "carl"}, bert, now));
    EXPECT_FALSE(ledger().ban_of({"p", "dora"}, anna, now));
    EXPECT_FALSE(ledger().ban_of({"q", "carl"}, anna, now));
    EXPECT_FALSE(enter(anna));
    now += limits.ban_time;
    EXPECT_FALSE(ledger().ban_of({"p", "carl"}, anna, now));
    held.clear();
}

TEST_F(LedgerTest, shows_and_lifts_bans) {
    limits.failed_logins_per_address = 2;
    limits.failed_logins_per_user = 1;
    const auto guesser = ip("192.0.2.1");
    const auto fail = [&](std::string_view pool, std::string_view name) {
        (void)ledger().login_failed({pool, name}, guesser, now);
    };
    fail("files", "anna");
    fail("other", "anna");
    fail("files", "anna b");
    EXPECT_EQ(ledger().bans(now).size(), 4U);
    EXPECT_TRUE(ledger().bans(now + limits.ban_time).empty());
    EXPECT_EQ(ledger().unban(ip("192.0.2.2"), {}, now), 0U);
    EXPECT_EQ(ledger().unban(guesser, "anna", now), 2U);
    EXPECT_EQ(ledger().unban(guesser, "b", now), 0U);
    const auto left = ledger().bans(now);
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].client, "192.0.2.1");
    EXPECT_EQ(left[0].user, "");
    EXPECT_EQ(left[1].pool, "files");
    EXPECT_EQ(left[1].user, "anna b");
    EXPECT_EQ(left[1].until, now + limits.ban_time);
    EXPECT_EQ(ledger().unban(guesser, {}, now), 2U);
    EXPECT_EQ(enter(guesser), std::nullopt);
    held.clear();
    EXPECT_EQ(ledger().ban_of({"files", "anna b"}, guesser, now), std::nullopt);
    // Failures that began to count are forgotten, too.
    fail("files", "");
    EXPECT_EQ(ledger().unban(guesser, {}, now), 0U);
    fail("files", "");
    EXPECT_TRUE(ledger().bans(now).empty());
}

TEST_F(LedgerTest, lifts_the_ban_of_a_whole_network) {
    limits.failed_logins_per_address = 1;
    (void)ledger().login_failed({"files", "anna"}, ip("2001:db8::17"), now);
    ASSERT_EQ(ledger().bans(now).size(), 1U);
    EXPECT_EQ(ledger().bans(now)[0].client, "2001:db8::");
    EXPECT_EQ(ledger().unban(ip("2001:db8::99"), {}, now), 1U);
}

TEST_F(LedgerTest, tells_what_is_in_use) {
    listener.name = "ftp";
    EXPECT_EQ(enter(ip("192.0.2.1")), std::nullopt);
    EXPECT_EQ(enter(ip("192.0.2.2")), std::nullopt);
    const auto transfer = ledger().begin_transfer();
    EXPECT_EQ(ledger().use().sessions, 2U);
    EXPECT_EQ(ledger().use().transfers, 1U);
    EXPECT_EQ(ledger().use().sessions_of_listeners.at("ftp"), 2U);
    held.clear();
    EXPECT_EQ(ledger().use().sessions_of_listeners.at("ftp"), 0U);
}

TEST_F(LedgerTest, telnet_commands_in_a_name_do_not_make_another_user) {
    limits.failed_logins_per_user = 2;
    EXPECT_FALSE(ledger().login_failed({"p", "ca\xff\xf1rl"}, anna, now));
    EXPECT_TRUE(ledger().login_failed({"p", "carl\xff\xf4"}, anna, now));
    EXPECT_EQ(ledger().ban_of({"p", "carl"}, anna, now), Limit::banned_user);
}

TEST_F(LedgerTest, a_failure_without_a_user_counts_only_for_the_address) {
    limits.failed_logins_per_address = 5;
    limits.failed_logins_per_user = 2;
    for (int i = 0; i < 4; ++i) EXPECT_FALSE(ledger().login_failed({}, anna, now)) << i;
    EXPECT_TRUE(ledger().login_failed({}, anna, now));
}

TEST_F(LedgerTest, clients_behind_a_translator_are_counted_separately) {
    limits.failed_logins_per_address = 1;
    const auto one = base::Ip::parse("64:ff9b::192.0.2.1").value();
    const auto other = base::Ip::parse("64:ff9b::192.0.2.2").value();
    EXPECT_TRUE(ledger().login_failed({"p", "a"}, one, now));
    EXPECT_EQ(enter(one), Limit::banned_address);
    EXPECT_FALSE(enter(other));
    held.clear();
}

TEST_F(LedgerTest, without_these_limits_nobody_is_banned) {
    limits.failed_logins_per_address = 0;
    limits.failed_logins_per_user = 0;
    for (int i = 0; i < 1000; ++i) EXPECT_FALSE(ledger().login_failed({"p", "a"}, anna, now));
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, counts_the_sessions_of_a_user) {
    limits.sessions_per_user = 1;
    EXPECT_FALSE(keep(ledger().logged_in({"p", "carl"})));
    EXPECT_EQ(keep(ledger().logged_in({"p", "carl"})), Limit::sessions_of_user);
    EXPECT_FALSE(keep(ledger().logged_in({"p", "dora"})));
    held.clear();
    EXPECT_FALSE(keep(ledger().logged_in({"p", "carl"})));
    held.clear();
}

TEST_F(LedgerTest, counts_transfers) {
    limits.transfers = 2;
    EXPECT_FALSE(keep(ledger().begin_transfer()));
    EXPECT_FALSE(keep(ledger().begin_transfer()));
    EXPECT_EQ(keep(ledger().begin_transfer()), Limit::transfers);
    held.pop_back();
    EXPECT_FALSE(keep(ledger().begin_transfer()));
    held.clear();
}

TEST_F(LedgerTest, a_bandwidth_is_shared_by_name_while_anybody_holds_it) {
    EXPECT_EQ(ledger().bandwidth("a", 0), nullptr);
    auto first = ledger().bandwidth("a", 1'000'000);
    EXPECT_EQ(ledger().bandwidth("a", 2'000'000), first);
    EXPECT_EQ(first->quantum(), 10'000U);  // of the new rate
    EXPECT_NE(ledger().bandwidth("b", 1'000'000), first);
}

TEST_F(LedgerTest, a_million_strangers_are_not_remembered_for_ever) {
    limits.failed_logins_per_user = 0;
    for (std::uint32_t i = 0; i < 250'000; ++i) {
        const auto stranger =
            base::Ip::from_v4({10, static_cast<std::uint8_t>(i >> 16),
                               static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)});
        EXPECT_FALSE(ledger().login_failed({"p", "a"}, stranger, now));
    }
    // The failures of the first ones were forgotten to make room, so their count starts again.
    limits.failed_logins_per_address = 2;
    EXPECT_FALSE(ledger().login_failed({"p", "a"}, base::Ip::from_v4({10, 0, 0, 0}), now));
}

TEST_F(LedgerTest, new_limits_hold_at_once_and_what_was_counted_stays) {
    limits.sessions = 2;
    ASSERT_FALSE(enter(anna));
    ASSERT_FALSE(enter(bert));
    ASSERT_EQ(enter(ip("198.51.100.9")), Limit::sessions);
    config::Limits more = limits;
    more.sessions = 3;
    more.transfers = 1;
    more.sessions_per_address = 1;
    ledger().configure(support::borrowed(more), more.sessions, now);
    EXPECT_EQ(ledger().rules().sessions_max, 3U);
    EXPECT_EQ(enter(anna), Limit::sessions_of_address);
    EXPECT_FALSE(enter(ip("198.51.100.9")));
    const auto transfer = ledger().begin_transfer();
    ASSERT_TRUE(transfer);
    EXPECT_EQ(ledger().begin_transfer().error(), Limit::transfers);
    config::Limits fewer = more;
    fewer.sessions = 1;
    ledger().configure(support::borrowed(fewer), fewer.sessions, now);
    held.pop_front();
    EXPECT_EQ(enter(anna), Limit::sessions) << "two are still there";
    held.clear();
    EXPECT_FALSE(enter(anna));
    held.clear();
}

TEST_F(LedgerTest, a_new_rate_holds_for_clients_that_are_known) {
    limits.login_rate_per_address = 100;
    ASSERT_FALSE(ledger().begin_login(anna, now));
    config::Limits slower = limits;
    slower.login_rate_per_address = 1;
    ledger().configure(support::borrowed(slower), slower.sessions, now);
    EXPECT_FALSE(ledger().begin_login(anna, now));
    const auto wait = ledger().begin_login(anna, now);
    ASSERT_TRUE(wait);
    EXPECT_EQ(wait->limit, Limit::login_rate_of_address);
}

}  // namespace
}  // namespace ballast::guard
