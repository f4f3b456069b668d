// SPDX-License-Identifier: Apache-2.0
#include "balance/fastest.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ballast::balance {
namespace {

struct State {
    std::uint64_t login_microseconds;
    std::uint32_t sessions = 0;
    std::uint32_t weight = 1;
};

std::vector<Candidate> candidates(const std::vector<State>& states) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < states.size(); ++i)
        ready.push_back({.id = 100 + i,
                         .weight = states[i].weight,
                         .sessions = states[i].sessions,
                         .login_microseconds = states[i].login_microseconds});
    return ready;
}

std::vector<int> counts_of(Policy& policy, const std::vector<Candidate>& ready, int picks) {
    std::vector<int> counts(ready.size());
    for (int i = 0; i < picks; ++i) ++counts[policy.pick(ready, {})];
    return counts;
}

TEST(Fastest, chooses_the_smallest_time_by_sessions_for_the_weight) {
    struct Row {
        const char* why;
        std::vector<State> states;
        std::size_t chosen;
    };
    const std::vector<Row> table = {
        {"only one", {{9000, 5}}, 0},
        {"faster", {{9000}, {3000}}, 1},
        {"faster, in the middle", {{9000}, {3000}, {5000}}, 1},
        {"four times as fast and two sessions", {{9000}, {2000, 2}}, 1},
        {"three times as fast and four sessions", {{9000}, {3000, 4}}, 0},
        {"as fast, fewer sessions", {{5000, 3}, {5000, 2}}, 1},
        {"slower, but of a larger weight", {{5000, 0, 1}, {9000, 0, 2}}, 1},
        {"slower, and the weight does not make up for it", {{5000, 0, 1}, {12000, 0, 2}}, 0},
        {"unknown and idle: tried first", {{1}, {0}}, 1},
        {"the first of two unknown ones", {{1}, {0}, {0}}, 1},
        {"unknown, with a session: as the slowest, more sessions", {{8000, 0}, {0, 1}}, 0},
        {"unknown, with a session: as the slowest, fewer sessions", {{8000, 5}, {0, 1}}, 1},
        {"all unknown, with sessions: the fewest", {{0, 5}, {0, 3}, {0, 4}}, 1},
        {"no overflow",
         {{0xffff'ffff'ffff'ffff, 0xffff'ffff, 1U << 24},
          {0xffff'ffff'ffff'ffff, 0x7fff'ffff, 1U << 24}},
         1},
    };
    for (const auto& row : table) {
        Fastest policy;
        EXPECT_EQ(policy.pick(candidates(row.states), Client{}), row.chosen) << row.why;
    }
}

TEST(Fastest, chooses_backends_within_a_tenth_in_turn_by_weight) {
    Fastest policy;
    EXPECT_EQ(counts_of(policy, candidates({{10'000}, {10'900}, {11'100}}), 20),
              (std::vector{10, 10, 0}));
    Fastest weighted;
    EXPECT_EQ(counts_of(weighted, candidates({{10'000, 2, 3}, {9'500, 0, 1}, {30'000}}), 40),
              (std::vector{30, 10, 0}));
}

TEST(Fastest, a_burst_between_two_measurements_is_shared_by_speed) {
    // 100 clients come before any of them has logged in: no time changes.
    auto ready = candidates({{10'000}, {20'000}, {40'000}});
    Fastest policy;
    for (int client = 0; client < 100; ++client) ++ready[policy.pick(ready, {})].sessions;
    EXPECT_NEAR(ready[0].sessions, 100.0 * 4 / 7, 3);
    EXPECT_NEAR(ready[1].sessions, 100.0 * 2 / 7, 3);
    EXPECT_NEAR(ready[2].sessions, 100.0 * 1 / 7, 3);
}

TEST(Fastest, a_burst_on_equally_fast_backends_is_shared_by_weight) {
    auto ready = candidates({{10'000, 0, 3}, {10'000, 0, 2}, {10'000, 0, 1}});
    Fastest policy;
    for (int client = 0; client < 120; ++client) ++ready[policy.pick(ready, {})].sessions;
    EXPECT_NEAR(ready[0].sessions, 60, 3);
    EXPECT_NEAR(ready[1].sessions, 40, 3);
    EXPECT_NEAR(ready[2].sessions, 20, 3);
}

TEST(Fastest, a_burst_on_unknown_backends_is_shared) {
    auto ready = candidates({{0}, {0}, {0}, {0}});
    Fastest policy;
    for (int client = 0; client < 100; ++client) ++ready[policy.pick(ready, {})].sessions;
    for (const auto& backend : ready) EXPECT_NEAR(backend.sessions, 25, 2);
}

TEST(Fastest, a_burst_does_not_go_to_the_only_unknown_backend) {
    auto ready = candidates({{10'000, 20}, {10'000, 20}, {0}});
    Fastest policy;
    EXPECT_EQ(policy.pick(ready, {}), 2U);
    ++ready[2].sessions;
    for (int client = 0; client < 35; ++client) ++ready[policy.pick(ready, {})].sessions;
    // It counts as fast as the others. So it has at most their sessions and a tenth more.
    for (const auto& backend : ready) EXPECT_NEAR(backend.sessions, 25, 2);
}

TEST(Fastest, each_unknown_backend_is_tried_once_and_then_known) {
    auto ready = candidates({{500}, {0}, {900}, {0}});
    Fastest policy;
    EXPECT_EQ(policy.pick(ready, {}), 1U);
    ready[1].login_microseconds = 700;
    EXPECT_EQ(policy.pick(ready, {}), 3U);
    ready[3].login_microseconds = 800;
    EXPECT_EQ(policy.pick(ready, {}), 0U);
}

TEST(Fastest, does_not_prefer_a_backend_where_no_login_succeeds) {
    // The last one's sessions end at once, without a measured time.
    const auto ready = candidates({{10'000}, {10'000}, {10'000}, {0}});
    Fastest policy;
    const auto counts = counts_of(policy, ready, 400);
    EXPECT_GT(counts[3], 90);
    EXPECT_LT(counts[3], 180);
}

TEST(Fastest, follows_times_that_change) {
    auto ready = candidates({{1000}, {2000}});
    Fastest policy;
    EXPECT_EQ(policy.pick(ready, {}), 0U);
    ready[0].login_microseconds = 3000;
    EXPECT_EQ(policy.pick(ready, {}), 1U);
}

}  // namespace
}  // namespace ballast::balance
