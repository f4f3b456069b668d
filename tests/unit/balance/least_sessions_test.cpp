// SPDX-License-Identifier: Apache-2.0
#include "balance/least_sessions.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace ballast::balance {
namespace {

struct Load {
    std::uint32_t weight;
    std::uint32_t sessions;
    std::uint32_t transfers = 0;
};

std::vector<Candidate> candidates(const std::vector<Load>& loads) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < loads.size(); ++i)
        ready.push_back({.id = 100 + i,
                         .weight = loads[i].weight,
                         .sessions = loads[i].sessions,
                         .transfers = loads[i].transfers});
    return ready;
}

TEST(LeastSessions, chooses_the_fewest_for_the_weight) {
    struct Row {
        const char* why;
        std::vector<Load> loads;
        std::size_t chosen;
    };
    constexpr std::uint32_t most = 0xffff'ffff;
    constexpr std::uint32_t heaviest = 1U << 24;
    const std::vector<Row> table = {
        {"only one", {{1, 9}}, 0},
        {"fewer", {{1, 2}, {1, 1}}, 1},
        {"fewer, in the middle", {{1, 2}, {1, 0}, {1, 1}}, 1},
        {"transfers do not count", {{1, 2, 0}, {1, 1, 50}}, 1},
        {"three on weight 4 is less than one on weight 1", {{1, 1}, {4, 3}}, 1},
        {"five on weight 4 is more than one on weight 1", {{1, 1}, {4, 5}}, 0},
        {"an idle one beats a large weight", {{256, 1}, {1, 0}}, 1},
        {"all idle: the heaviest has the first turn", {{1, 0}, {3, 0}, {2, 0}}, 1},
        {"no division: 2/3 and 3/4 are not equal", {{3, 2}, {4, 3}}, 0},
        {"no overflow", {{heaviest, most}, {heaviest - 1, most}}, 0},
        {"a backend that just rose has a 2^16th of its weight", {{65536, 10}, {1, 1}}, 0},
    };
    for (const auto& row : table) {
        LeastSessions policy;
        EXPECT_EQ(policy.pick(candidates(row.loads), Client{}), row.chosen) << row.why;
    }
}

TEST(LeastSessions, equals_are_chosen_in_turn) {
    LeastSessions policy;
    const auto ready = candidates({{1, 3}, {1, 3}, {2, 6}, {1, 4}});
    std::vector<int> counts(ready.size());
    for (int i = 0; i < 40; ++i) ++counts[policy.pick(ready, Client{})];
    EXPECT_EQ(counts, (std::vector{10, 10, 20, 0}));
}

TEST(LeastSessions, gives_sessions_by_weight_within_one) {
    const std::vector<std::vector<std::uint32_t>> table = {{1, 1},    {1, 1, 1}, {2, 1},  {3, 2},
                                                           {5, 3, 2}, {4, 1, 1}, {256, 1}};
    for (const auto& weights : table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        std::vector<Load> loads;
        std::uint32_t all = 0;
        for (const auto weight : weights) {
            loads.push_back({weight, 0});
            all += weight;
        }
        auto ready = candidates(loads);
        LeastSessions policy;
        for (int session = 1; session <= 100; ++session) {
            ++ready[policy.pick(ready, {})].sessions;
            for (const auto& backend : ready)
                EXPECT_NEAR(backend.sessions, 1.0 * session * backend.weight / all, 1.0);
        }
    }
}

TEST(LeastSessions, makes_up_for_sessions_that_end) {
    auto ready = candidates({{1, 0}, {1, 0}, {2, 0}});
    LeastSessions policy;
    std::mt19937 random(11);
    for (int i = 0; i < 2000; ++i) {
        auto& leaves = ready[random() % ready.size()];
        if (leaves.sessions > 0 && random() % 2 == 0) --leaves.sessions;
        ++ready[policy.pick(ready, {})].sessions;
    }
    const auto each = ready[0].sessions;
    EXPECT_NEAR(ready[1].sessions, each, 2);
    EXPECT_NEAR(ready[2].sessions, 2 * each, 3);
}

}  // namespace
}  // namespace ballast::balance
