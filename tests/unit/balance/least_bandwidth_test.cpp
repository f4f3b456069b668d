// SPDX-License-Identifier: Apache-2.0
#include "balance/least_bandwidth.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::balance {
namespace {

struct Load {
    std::uint32_t weight;
    std::uint64_t bytes_per_second;
    std::uint32_t transfers = 0;
    std::uint32_t sessions = 0;
};

std::vector<Candidate> candidates(const std::vector<Load>& loads) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < loads.size(); ++i)
        ready.push_back({.id = 100 + i,
                         .weight = loads[i].weight,
                         .sessions = loads[i].sessions,
                         .transfers = loads[i].transfers,
                         .bytes_per_second = loads[i].bytes_per_second});
    return ready;
}

TEST(LeastBandwidth, chooses_the_one_that_moves_least_for_its_weight) {
    struct Row {
        const char* why;
        std::vector<Load> loads;
        std::size_t chosen;
    };
    constexpr std::uint64_t most = 0xffff'ffff'ffff'ffff;
    constexpr std::uint32_t heaviest = 1U << 24;
    const std::vector<Row> table = {
        {"only one", {{1, 5000, 3, 3}}, 0},
        {"less", {{1, 2000}, {1, 1999}}, 1},
        {"many slow ones are less than a fast one", {{1, 9'000'000, 1, 1}, {1, 50'000, 40, 60}}, 1},
        {"less for the weight", {{1, 1000}, {4, 3999}}, 1},
        {"more for the weight", {{1, 1000}, {4, 4001}}, 0},
        {"equal: fewer transfers", {{1, 0, 2, 0}, {1, 0, 1, 9}}, 1},
        {"equal: fewer transfers for the weight", {{1, 1000, 2, 0}, {4, 4000, 7, 9}}, 1},
        {"equal twice: fewer sessions", {{1, 0, 1, 3}, {1, 0, 1, 2}}, 1},
        {"equal twice: fewer sessions for the weight", {{1, 0, 0, 3}, {3, 0, 0, 8}}, 1},
        {"no overflow", {{heaviest - 1, most}, {heaviest, most}}, 1},
        {"no overflow, the other way", {{heaviest, most}, {heaviest - 1, most}}, 0},
        {"no rounding, even there", {{heaviest, most - 1}, {heaviest, most}}, 0},
    };
    for (const auto& row : table) {
        LeastBandwidth policy;
        EXPECT_EQ(policy.pick(candidates(row.loads), Client{}), row.chosen) << row.why;
    }
}

TEST(LeastBandwidth, equals_are_chosen_in_turn_by_weight) {
    LeastBandwidth policy;
    const auto ready = candidates({{1, 10, 1, 1}, {2, 20, 2, 2}, {1, 10, 1, 1}, {1, 11, 0, 0}});
    std::vector<int> counts(ready.size());
    for (int i = 0; i < 40; ++i) ++counts[policy.pick(ready, Client{})];
    EXPECT_EQ(counts, (std::vector{10, 20, 10, 0}));
}

TEST(LeastBandwidth, gives_sessions_by_weight_while_nothing_moves) {
    auto ready = candidates({{3, 0}, {2, 0}, {1, 0}});
    LeastBandwidth policy;
    for (int session = 0; session < 60; ++session) ++ready[policy.pick(ready, {})].sessions;
    EXPECT_NEAR(ready[0].sessions, 30, 1);
    EXPECT_NEAR(ready[1].sessions, 20, 1);
    EXPECT_NEAR(ready[2].sessions, 10, 1);
}

}  // namespace
}  // namespace ballast::balance
