// SPDX-License-Identifier: Apache-2.0
#include "balance/policies.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace ballast::balance {
namespace {

std::vector<Candidate> candidates() {
    std::vector<Candidate> result;
    for (std::uint32_t i = 1; i <= 5; ++i)
        result.push_back({.id = i * 1000, .weight = i, .sessions = i % 3, .transfers = i % 2});
    return result;
}

std::vector<std::size_t> picks(const NamedPolicy& named, std::uint64_t seed) {
    const auto policy = named.make({.hash_load_percent = 150, .seed = seed});
    std::mt19937_64 random(1);
    std::vector<std::size_t> result;
    for (int i = 0; i < 50; ++i) result.push_back(policy->pick(candidates(), {random(), random()}));
    return result;
}

TEST(Policies, have_different_names_and_a_meaning) {
    std::set<std::string_view> names;
    for (const auto& named : policies) {
        EXPECT_TRUE(names.insert(named.name).second) << named.name;
        EXPECT_FALSE(named.meaning.empty()) << named.name;
    }
}

TEST(Policies, are_found_by_their_names) {
    for (const auto& named : policies) EXPECT_EQ(find_policy(named.name), &named) << named.name;
    EXPECT_EQ(find_policy("round_robin"), nullptr);
    EXPECT_EQ(find_policy(""), nullptr);
}

TEST(Policies, choose_one_of_the_candidates) {
    for (const auto& named : policies)
        for (const auto place : picks(named, 1))
            EXPECT_LT(place, candidates().size()) << named.name;
}

TEST(Policies, choose_the_same_again_from_the_same_seed) {
    for (const auto& named : policies) EXPECT_EQ(picks(named, 7), picks(named, 7)) << named.name;
    const auto& random = *find_policy("random");
    EXPECT_NE(picks(random, 7), picks(random, 8));
}

TEST(Policies, decide_by_what_their_rows_say) {
    std::mt19937_64 random(1);
    for (const auto& named : policies) {
        if (named.decided_by == DecidedBy::load) continue;
        const auto policy = named.make({});
        for (int i = 0; i < 50; ++i) {
            const Client client{random(), random()};
            const auto expected = policy->pick(candidates(), client);
            Client changed = client;
            if (named.decided_by != DecidedBy::source) changed.source = random();
            if (named.decided_by != DecidedBy::user) changed.user = random();
            EXPECT_EQ(policy->pick(candidates(), changed), expected) << named.name;
        }
    }
}

}  // namespace
}  // namespace ballast::balance
