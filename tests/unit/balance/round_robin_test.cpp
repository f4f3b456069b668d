// SPDX-License-Identifier: Apache-2.0
#include "balance/round_robin.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace ballast::balance {
namespace {

Candidate candidate(std::uint64_t id, std::uint32_t weight) {
    return {.id = id, .weight = weight, .sessions = 0, .transfers = 0};
}

std::vector<Candidate> with_weights(const std::vector<std::uint32_t>& weights) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < weights.size(); ++i)
        ready.push_back(candidate(100 + i, weights[i]));
    return ready;
}

std::uint64_t picked(Policy& policy, const std::vector<Candidate>& ready) {
    return ready.at(policy.pick(ready, Client{})).id;
}

std::map<std::uint64_t, int> picked_times(Policy& policy, const std::vector<Candidate>& ready,
                                          int picks) {
    std::map<std::uint64_t, int> counts;
    for (int i = 0; i < picks; ++i) ++counts[picked(policy, ready)];
    return counts;
}

TEST(RoundRobin, gives_100_sessions_by_weight_within_one) {
    const std::vector<std::vector<std::uint32_t>> table = {
        {1},       {1, 1},    {1, 1, 1},   {2, 1},       {3, 1},       {5, 1},
        {1, 2, 3}, {5, 1, 1}, {10, 5, 1},  {256, 256},   {256, 1},     {7, 3, 2},
        {4, 4, 1}, {1, 9},    {100, 1, 1}, {3, 3, 3, 1}, {1, 1, 1, 1}, {2, 2, 2, 3, 5},
    };
    for (const auto& weights : table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        const auto ready = with_weights(weights);
        std::uint32_t all = 0;
        for (const auto weight : weights) all += weight;
        RoundRobin policy;
        std::map<std::uint64_t, int> counts;
        // Not only after 100: at no moment is a backend more than one session off.
        for (int session = 1; session <= 100; ++session) {
            ++counts[picked(policy, ready)];
            for (const auto& backend : ready) {
                const double share = 1.0 * session * backend.weight / all;
                EXPECT_NEAR(counts[backend.id], share, 1.0) << "session " << session;
            }
        }
    }
}

TEST(RoundRobin, every_round_gives_each_exactly_its_weight) {
    std::mt19937 random(20240521);
    for (int trial = 0; trial < 200; ++trial) {
        SCOPED_TRACE(trial);
        std::vector<std::uint32_t> weights(1 + random() % 12);
        std::uint32_t all = 0;
        for (auto& weight : weights) {
            weight = 1 + random() % (trial % 2 == 0 ? 8 : 256);
            all += weight;
        }
        const auto ready = with_weights(weights);
        RoundRobin policy;
        for (int round = 0; round < 3; ++round) {
            auto counts = picked_times(policy, ready, static_cast<int>(all));
            for (const auto& backend : ready)
                ASSERT_EQ(counts[backend.id], static_cast<int>(backend.weight));
        }
    }
}

TEST(RoundRobin, spreads_a_heavy_backend_among_the_light_ones) {
    RoundRobin policy;
    const std::vector<Candidate> ready = {candidate('a', 5), candidate('b', 1), candidate('c', 1)};
    std::string order;
    for (int i = 0; i < 14; ++i) order += static_cast<char>(picked(policy, ready));
    EXPECT_EQ(order, "aabacaaaabacaa");
}

TEST(RoundRobin, does_not_depend_on_the_order_of_the_candidates) {
    RoundRobin policy;
    auto ready = with_weights({1, 1, 1});
    std::map<std::uint64_t, int> counts;
    std::mt19937 random(7);
    for (int i = 0; i < 99; ++i) {
        std::ranges::shuffle(ready, random);
        ++counts[picked(policy, ready)];
    }
    for (const auto& backend : ready) EXPECT_EQ(counts[backend.id], 33);
}

TEST(RoundRobin, a_backend_that_comes_back_gets_no_burst) {
    RoundRobin policy;
    const auto all = with_weights({1, 1, 1});
    const std::vector<Candidate> without_last = {all[0], all[1]};
    picked_times(policy, all, 10);
    picked_times(policy, without_last, 1000);
    const auto counts = picked_times(policy, all, 9);
    for (const auto& backend : all) EXPECT_NEAR(counts.at(backend.id), 3, 1);
}

TEST(RoundRobin, a_new_backend_starts_like_the_others) {
    RoundRobin policy;
    picked_times(policy, with_weights({1, 1}), 501);
    const auto counts = picked_times(policy, with_weights({1, 1, 1, 1}), 40);
    for (const auto& [id, count] : counts) EXPECT_NEAR(count, 10, 1) << id;
}

TEST(RoundRobin, failover_does_not_choose_an_unreachable_backend_twice_in_a_row) {
    RoundRobin policy;
    const auto all = with_weights({1, 1, 1});
    // Backend 100 refuses every connection: each session that gets it asks again without it.
    std::map<std::uint64_t, int> asked;
    std::map<std::uint64_t, int> served;
    std::uint64_t before = 0;
    for (int session = 0; session < 300; ++session) {
        auto id = picked(policy, all);
        ++asked[id];
        if (id == 100) {
            EXPECT_NE(before, 100U);
            id = picked(policy, {all[1], all[2]});
            before = 100;
        } else {
            before = id;
        }
        ++served[id];
    }
    EXPECT_NEAR(asked[100], 100, 1);
    EXPECT_NEAR(served[101], 150, 3);
    EXPECT_NEAR(served[102], 150, 3);
}

TEST(RoundRobin, flapping_starves_nobody) {
    RoundRobin policy;
    const auto all = with_weights({1, 1, 1});
    for (std::size_t flap = 0; flap < 1000; ++flap) {
        picked_times(policy, all, 1 + static_cast<int>(flap % 3));
        picked_times(policy, {all[flap % 3], all[(flap + 1) % 3]}, 2);
    }
    const auto counts = picked_times(policy, all, 12);
    for (const auto& backend : all) EXPECT_NEAR(counts.at(backend.id), 4, 2);
}

TEST(RoundRobin, changed_weights_apply_almost_at_once) {
    RoundRobin policy;
    // The moment when the light one of 256 to 1 has just been chosen is the worst one.
    const auto before = with_weights({256, 1});
    while (picked(policy, before) != 101) {
    }
    const auto counts = picked_times(policy, with_weights({1, 1}), 10);
    EXPECT_NEAR(counts.at(100), 5, 2);
    EXPECT_NEAR(counts.at(101), 5, 2);
}

}  // namespace
}  // namespace ballast::balance
