// SPDX-License-Identifier: Apache-2.0
#include "balance/user_hash.h"

#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace ballast::balance {
namespace {

std::vector<Candidate> four() {
    return {{.id = 1, .weight = 2}, {.id = 2, .weight = 1}, {.id = 3, .weight = 1}, {.id = 4}};
}

TEST(UserHash, the_user_decides_and_the_source_does_not) {
    UserHash policy(0);
    std::mt19937_64 random(1);
    const auto ready = four();
    std::vector<int> counts(ready.size());
    for (int i = 0; i < 10'000; ++i) {
        const auto key = random();
        const auto chosen = policy.pick(ready, {.source = random(), .user = key});
        ASSERT_EQ(chosen, ConsistentHash(0).pick(ready, key));
        ++counts[chosen];
    }
    for (std::size_t i = 0; i < ready.size(); ++i)
        EXPECT_NEAR(counts[i], 2000.0 * ready[i].weight, 100.0 * ready[i].weight);
}

TEST(UserHash, the_bound_holds) {
    UserHash policy(200);
    auto ready = four();
    const Client client{.source = 5, .user = 5};
    for (int i = 0; i < 1000; ++i) ++ready[policy.pick(ready, client)].sessions;
    for (const auto& backend : ready) EXPECT_LE(backend.sessions, 400 * backend.weight);
    const auto& favourite = ready[policy.pick(four(), client)];
    EXPECT_EQ(favourite.sessions, 400 * favourite.weight);
}

}  // namespace
}  // namespace ballast::balance
