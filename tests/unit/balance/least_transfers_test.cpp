// SPDX-License-Identifier: Apache-2.0
#include "balance/least_transfers.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::balance {
namespace {

struct Load {
    std::uint32_t weight;
    std::uint32_t sessions;
    std::uint32_t transfers;
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

TEST(LeastTransfers, chooses_the_least_loaded_for_its_weight) {
    struct Row {
        const char* why;
        std::vector<Load> loads;
        std::size_t chosen;
    };
    constexpr std::uint32_t most = 0xffff'ffff;
    const std::vector<Row> table = {
        {"only one", {{1, 9, 9}}, 0},
        {"fewer transfers", {{1, 0, 2}, {1, 50, 1}}, 1},
        {"fewer transfers, last of three", {{1, 0, 2}, {1, 0, 2}, {1, 0, 1}}, 2},
        {"fewer transfers, in the middle", {{1, 0, 2}, {1, 9, 1}, {1, 0, 3}}, 1},
        {"three on weight 4 is less than one on weight 1", {{1, 0, 1}, {4, 0, 3}}, 1},
        {"five on weight 4 is more than one on weight 1", {{1, 0, 1}, {4, 0, 5}}, 0},
        {"no transfers beat a large weight", {{256, 0, 1}, {1, 0, 0}}, 1},
        {"equal transfers, fewer sessions", {{1, 3, 1}, {1, 2, 1}}, 1},
        {"equal for the weight, fewer sessions for it", {{1, 3, 1}, {2, 4, 2}}, 1},
        {"no division: 2/3 and 3/4 are not equal", {{3, 0, 2}, {4, 0, 3}}, 0},
        {"no overflow", {{256, 0, most}, {1, 0, most}}, 0},
        {"no overflow, the other way", {{1, most, 0}, {256, most, 0}}, 1},
    };
    for (const auto& row : table) {
        LeastTransfers policy;
        EXPECT_EQ(policy.pick(candidates(row.loads), Client{}), row.chosen) << row.why;
    }
}

TEST(LeastTransfers, equals_are_chosen_in_turn) {
    LeastTransfers policy;
    const auto ready = candidates({{1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 1}});
    std::vector<int> counts(ready.size());
    for (int i = 0; i < 30; ++i) ++counts[policy.pick(ready, Client{})];
    EXPECT_EQ(counts, (std::vector{10, 10, 10, 0}));
}

TEST(LeastTransfers, gives_100_idle_sessions_by_weight_within_one) {
    const std::vector<std::vector<std::uint32_t>> table = {{1, 1},    {1, 1, 1}, {2, 1},  {3, 2},
                                                           {5, 3, 2}, {4, 1, 1}, {256, 1}};
    for (const auto& weights : table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        std::vector<Load> loads;
        std::uint32_t all = 0;
        for (const auto weight : weights) {
            loads.push_back({weight, 0, 0});
            all += weight;
        }
        auto ready = candidates(loads);
        LeastTransfers policy;
        for (int session = 0; session < 100; ++session) ++ready[policy.pick(ready, {})].sessions;
        for (const auto& backend : ready)
            EXPECT_NEAR(backend.sessions, 100.0 * backend.weight / all, 1.0);
    }
}

TEST(LeastTransfers, sends_new_sessions_past_a_backend_with_long_transfers) {
    // The first backend carries eight downloads that do not end; every new session transfers.
    auto ready = candidates({{1, 8, 8}, {1, 0, 0}, {1, 0, 0}});
    LeastTransfers policy;
    for (int session = 0; session < 16; ++session) {
        auto& chosen = ready[policy.pick(ready, {})];
        EXPECT_NE(chosen.id, 100U) << session;
        ++chosen.sessions;
        ++chosen.transfers;
    }
    EXPECT_EQ(ready[1].transfers, 8U);
    EXPECT_EQ(ready[2].transfers, 8U);
}

}  // namespace
}  // namespace ballast::balance
