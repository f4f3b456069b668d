// SPDX-License-Identifier: Apache-2.0
#include "balance/random.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace ballast::balance {
namespace {

using Weights = std::vector<std::uint32_t>;
constexpr int draws = 10'000;

std::vector<Candidate> with_weights(const Weights& weights) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < weights.size(); ++i)
        ready.push_back({.id = 100 + i, .weight = weights[i]});
    return ready;
}

/// Within 5 % of what the weights say.
void expect_shares(const std::vector<int>& counts, const Weights& weights) {
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double picks = std::accumulate(counts.begin(), counts.end(), 0.0);
    for (std::size_t i = 0; i < weights.size(); ++i) {
        const double share = picks * weights[i] / all;
        EXPECT_NEAR(counts[i], share, 0.05 * share) << i;
    }
}

// The lightest has a fifth at least: chance alone moves 10,000 draws of it by 2 %.
const std::vector<Weights> weight_table = {
    {1, 1}, {1, 1, 1}, {1, 1, 1, 1}, {2, 1}, {3, 2}, {4, 1}, {5, 3, 2}, {1U << 24, 1U << 22},
};

TEST(Random, shares_follow_the_weights_while_all_are_idle) {
    for (const auto& weights : weight_table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        const auto ready = with_weights(weights);
        Random policy(20240521);
        std::vector<int> counts(ready.size());
        for (int i = 0; i < draws; ++i) ++counts[policy.pick(ready, {})];
        expect_shares(counts, weights);
    }
}

TEST(Random, shares_follow_the_weights_while_loads_are_in_proportion) {
    for (const auto& weights : weight_table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        auto ready = with_weights(weights);
        for (auto& backend : ready) backend.sessions = 3 * backend.weight;
        Random policy(7);
        std::vector<int> counts(ready.size());
        for (int i = 0; i < draws; ++i) ++counts[policy.pick(ready, {})];
        expect_shares(counts, weights);
    }
}

TEST(Random, shares_follow_the_weights_when_sessions_count) {
    auto table = weight_table;
    // Here the comparison corrects chance, so light ones get their share as exactly as heavy ones.
    table.insert(table.end(), {{10, 1, 1}, {64, 1}, {20, 5, 4, 3, 2, 1}, {1, 1, 1, 1, 1, 1, 1, 1}});
    for (const auto& weights : table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        auto ready = with_weights(weights);
        Random policy(20240521);
        std::vector<int> counts(ready.size());
        for (int i = 0; i < draws; ++i) {
            const auto chosen = policy.pick(ready, {});
            ++counts[chosen];
            ++ready[chosen].sessions;
        }
        expect_shares(counts, weights);
    }
}

TEST(Random, shares_follow_the_weights_when_sessions_come_and_go) {
    for (const Weights& weights : std::vector<Weights>{{1, 1, 1}, {5, 3, 2}, {10, 1, 1}, {4, 1}}) {
        SCOPED_TRACE(testing::PrintToString(weights));
        auto ready = with_weights(weights);
        Random policy(3);
        std::mt19937_64 leaving(4);
        std::vector<int> counts(ready.size());
        std::vector<std::size_t> sessions;  // where each of them is
        for (int i = 0; i < draws; ++i) {
            if (sessions.size() == 200) {
                const auto place = leaving() % sessions.size();
                --ready[sessions[place]].sessions;
                sessions[place] = sessions.back();
                sessions.pop_back();
            }
            const auto chosen = policy.pick(ready, {});
            ++counts[chosen];
            ++ready[chosen].sessions;
            sessions.push_back(chosen);
        }
        expect_shares(counts, weights);
    }
}

TEST(Random, of_two_the_one_with_less_load_for_its_weight_always_wins) {
    struct Row {
        const char* why;
        std::vector<Candidate> ready;
        std::size_t chosen;
    };
    const std::vector<Row> table = {
        {"only one", {{.id = 1, .sessions = 50}}, 0},
        {"fewer", {{.id = 1, .sessions = 2}, {.id = 2, .sessions = 1}}, 1},
        {"for the weight",
         {{.id = 1, .weight = 4, .sessions = 7}, {.id = 2, .weight = 1, .sessions = 2}},
         0},
        {"a light one too",
         {{.id = 1, .weight = 256, .sessions = 257}, {.id = 2, .weight = 1, .sessions = 1}},
         1},
    };
    for (const auto& row : table) {
        Random policy(1);
        for (int i = 0; i < 100; ++i)
            EXPECT_EQ(policy.pick(row.ready, Client{}), row.chosen) << row.why;
    }
}

TEST(Random, the_most_loaded_of_many_is_never_chosen) {
    auto ready = with_weights({3, 1, 1, 2, 1});
    for (auto& backend : ready) backend.sessions = 10 * backend.weight;
    ++ready[3].sessions;
    Random policy(9);
    for (int i = 0; i < 1000; ++i) EXPECT_NE(policy.pick(ready, {}), 3U);
}

TEST(Random, keeps_loads_much_closer_together_than_one_draw_would) {
    auto ready = with_weights(Weights(10, 1));
    Random policy(5);
    for (int i = 0; i < draws; ++i) ++ready[policy.pick(ready, {})].sessions;
    // One draw leaves about +-30 of 1000, the fullest of ten about 50 above.
    for (const auto& backend : ready) EXPECT_NEAR(backend.sessions, 1000, 6);
}

TEST(Random, the_seed_decides) {
    const auto ready = with_weights({1, 1, 1, 1});
    const auto row = [&](std::uint64_t seed) {
        Random policy(seed);
        std::vector<std::size_t> picks;
        for (int i = 0; i < 50; ++i) picks.push_back(policy.pick(ready, {}));
        return picks;
    };
    EXPECT_EQ(row(1), row(1));
    EXPECT_NE(row(1), row(2));
}

}  // namespace
}  // namespace ballast::balance
