// SPDX-License-Identifier: Apache-2.0
#include "pool/fair_shares.h"

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <vector>

namespace ballast::pool {
namespace {

using Shares = std::vector<double>;

/// Backends with the ids 1, 2, ...
std::vector<Load> loads(const std::vector<std::int64_t>& sessions) {
    std::vector<Load> made;
    for (const auto count : sessions)
        made.push_back({.id = made.size() + 1, .weight = 1, .sessions = count});
    return made;
}

std::size_t shift_all(std::vector<Load>& all) {
    std::size_t count = 0;
    while (const auto shift = next_shift(all)) {
        --std::ranges::find(all, shift->from, &Load::id)->sessions;
        ++std::ranges::find(all, shift->to, &Load::id)->sessions;
        if (++count > 1'000'000) break;
    }
    return count;
}

TEST(FairShares, go_by_weight) {
    auto all = loads({10, 20, 30});
    EXPECT_EQ(fair_shares(all), (Shares{20, 20, 20}));
    all[2].weight = 4;
    EXPECT_EQ(fair_shares(all), (Shares{10, 10, 40}));
    all[1].weight = 0;
    EXPECT_EQ(fair_shares(all), (Shares{12, 0, 48}));
    EXPECT_EQ(fair_shares({}), Shares{});
}

TEST(FairShares, others_have_what_goes_beyond_a_limit) {
    auto all = loads({0, 0, 90});
    all[0].limit = 10;
    EXPECT_EQ(fair_shares(all), (Shares{10, 40, 40}));
    all[1].limit = 20;
    EXPECT_EQ(fair_shares(all), (Shares{10, 20, 60}));
    // Nobody has room: whoever has more than its limit keeps them.
    all[2].limit = 30;
    EXPECT_EQ(fair_shares(all), (Shares{10, 20, 30}));
}

TEST(NextShift, goes_from_the_fullest_to_the_emptiest) {
    EXPECT_EQ(next_shift(loads({0, 30, 60})), (Shift{3, 1}));
    EXPECT_EQ(next_shift(loads({40, 20, 20})), (Shift{1, 2}));
    EXPECT_EQ(next_shift({}), std::nullopt);
    EXPECT_EQ(next_shift(loads({7})), std::nullopt);
    EXPECT_EQ(next_shift(loads({0, 0})), std::nullopt);
}

TEST(NextShift, leaves_small_differences_alone) {
    EXPECT_EQ(next_shift(loads({1, 0})), std::nullopt);
    EXPECT_EQ(next_shift(loads({1, 3})), std::nullopt);
    EXPECT_EQ(next_shift(loads({1, 4})), (Shift{2, 1}));
    EXPECT_EQ(next_shift(loads({90, 110})), std::nullopt);
    EXPECT_EQ(next_shift(loads({89, 111})), (Shift{2, 1}));
}

TEST(NextShift, a_new_backend_gets_sessions_though_no_other_has_clearly_too_many) {
    std::vector<std::int64_t> sessions(20, 100);
    sessions.push_back(0);
    auto all = loads(sessions);
    ASSERT_TRUE(next_shift(all));
    EXPECT_EQ(next_shift(all)->to, 21U);
    shift_all(all);
    // Of the others none has a whole session too many.
    EXPECT_EQ(all.back().sessions, 80);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(all[i].sessions, 96);
}

TEST(NextShift, one_that_can_give_nobody_is_passed_over) {
    auto all = loads({0, 30, 60});
    all[2].can_give = false;
    EXPECT_EQ(next_shift(all), std::nullopt);  // the second has its share
    all[1].sessions = 40;
    EXPECT_EQ(next_shift(all), (Shift{2, 1}));
}

TEST(NextShift, a_full_one_gets_nobody) {
    auto all = loads({10, 50});
    all[0].limit = 10;
    EXPECT_EQ(next_shift(all), std::nullopt);
    all[0].limit = 11;
    EXPECT_EQ(next_shift(all), std::nullopt);  // one session is no difference
    all[0].limit = 30;
    EXPECT_EQ(shift_all(all), 17U);
}

TEST(NextShift, takes_all_from_one_whose_sessions_belong_to_others) {
    auto all = loads({0, 0, 50});
    all[2].weight = 0;
    shift_all(all);
    EXPECT_EQ(all[2].sessions, 0);
    EXPECT_EQ(all[0].sessions, 25);
}

TEST(NextShift, ends_near_the_shares_whatever_it_begins_with) {
    std::mt19937 random(20261130);
    const auto draw = [&](int least, int most) {
        return std::uniform_int_distribution(least, most)(random);
    };
    for (int round = 0; round < 500; ++round) {
        std::vector<Load> all;
        const auto count = draw(1, 12);
        for (int i = 1; i <= count; ++i)
            all.push_back({.id = static_cast<BackendId>(i),
                           .weight = static_cast<std::uint32_t>(draw(0, 4) * 64),
                           .sessions = draw(0, 300)});
        for (auto& each : all)
            if (draw(0, 4) == 0)
                each.limit = static_cast<std::uint32_t>(each.sessions + draw(0, 90));
        const auto shares = fair_shares(all);
        double off = 0;
        for (std::size_t i = 0; i < all.size(); ++i)
            off += std::abs(static_cast<double>(all[i].sessions) - shares[i]);
        // Each shift brings one session nearer at both ends.
        EXPECT_LE(static_cast<double>(shift_all(all)), off / 2 + 1);
        EXPECT_EQ(next_shift(all), std::nullopt);
        for (const auto& each : all)
            if (each.limit) EXPECT_LE(each.sessions, *each.limit);
    }
}

}  // namespace
}  // namespace ballast::pool
