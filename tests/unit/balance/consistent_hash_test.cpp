// SPDX-License-Identifier: Apache-2.0
#include "balance/consistent_hash.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <random>
#include <vector>

namespace ballast::balance {
namespace {

using Weights = std::vector<std::uint32_t>;
using Keys = std::vector<std::uint64_t>;
constexpr std::uint32_t unbounded = 0;
constexpr std::size_t key_count = 10'000;

std::vector<Candidate> with_weights(const Weights& weights) {
    std::vector<Candidate> ready;
    for (std::size_t i = 0; i < weights.size(); ++i)
        ready.push_back({.id = 100 + i, .weight = weights[i]});
    return ready;
}

Keys seeded_keys(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Keys keys(key_count);
    for (auto& key : keys) key = random();
    return keys;
}

/// Addresses of one network, not hashed. Keys cannot be worse than that.
Keys successive_keys() {
    Keys keys(key_count);
    std::iota(keys.begin(), keys.end(), 0x0a00'0000);
    return keys;
}

std::uint64_t owner(const std::vector<Candidate>& ready, std::uint64_t key) {
    return ready.at(ConsistentHash(unbounded).pick(ready, key)).id;
}

std::map<std::uint64_t, int> owned(const std::vector<Candidate>& ready, const Keys& keys) {
    std::map<std::uint64_t, int> counts;
    for (const auto key : keys) ++counts[owner(ready, key)];
    return counts;
}

TEST(ConsistentHash, ten_thousand_keys_follow_the_weights_within_5_percent) {
    // The lightest has a fifth at least: chance alone moves its share of 10,000 keys by 2 %.
    const std::vector<Weights> table = {
        {1, 1}, {1, 1, 1}, {1, 1, 1, 1}, {2, 1},    {3, 2},
        {4, 1}, {5, 3, 2}, {2, 1, 1, 1}, {256, 64}, {1U << 24, 1U << 22},
    };
    const std::vector<Keys> key_table = {seeded_keys(1), seeded_keys(20240521), successive_keys()};
    for (const auto& weights : table) {
        SCOPED_TRACE(testing::PrintToString(weights));
        const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
        const auto ready = with_weights(weights);
        for (const auto& keys : key_table) {
            auto counts = owned(ready, keys);
            for (const auto& backend : ready) {
                const double share = key_count * backend.weight / all;
                EXPECT_NEAR(counts[backend.id], share, 0.05 * share) << backend.id;
            }
        }
    }
}

TEST(ConsistentHash, a_light_backend_among_heavy_ones_gets_its_share) {
    const auto ready = with_weights({256, 256, 1});
    Keys keys(200'000);
    std::iota(keys.begin(), keys.end(), 0);
    // 390 expected; chance alone moves that by 20.
    EXPECT_NEAR(owned(ready, keys)[102], 200'000.0 / 513, 60);
}

TEST(ConsistentHash, when_a_backend_leaves_exactly_its_keys_move) {
    const auto before = with_weights({5, 3, 2, 4});
    for (std::size_t leaver = 0; leaver < before.size(); ++leaver) {
        auto after = before;
        after.erase(after.begin() + static_cast<std::ptrdiff_t>(leaver));
        std::map<std::uint64_t, int> heirs;
        for (const auto key : seeded_keys(2)) {
            const auto old_owner = owner(before, key);
            const auto new_owner = owner(after, key);
            if (old_owner != before[leaver].id) {
                ASSERT_EQ(new_owner, old_owner);
            } else {
                ASSERT_NE(new_owner, old_owner);
                ++heirs[new_owner];
            }
        }
        // All the others share its keys; they do not all go to one neighbour.
        EXPECT_EQ(heirs.size(), after.size());
        const int moved = std::accumulate(heirs.begin(), heirs.end(), 0,
                                          [](int sum, const auto& h) { return sum + h.second; });
        const double share = key_count * before[leaver].weight / 14.0;
        EXPECT_NEAR(moved, share, 0.05 * share);
        for (const auto& backend : after) {
            const double heritage = 1.0 * moved * backend.weight / (14.0 - before[leaver].weight);
            EXPECT_NEAR(heirs[backend.id], heritage, 0.2 * heritage);
        }
    }
}

TEST(ConsistentHash, a_new_backend_takes_its_share_and_nothing_else_moves) {
    const auto before = with_weights({1, 1, 1});
    auto after = before;
    after.insert(after.begin() + 1, {.id = 999, .weight = 1});
    int moved = 0;
    for (const auto key : seeded_keys(3)) {
        const auto new_owner = owner(after, key);
        if (new_owner == 999)
            ++moved;
        else
            ASSERT_EQ(new_owner, owner(before, key));
    }
    EXPECT_NEAR(moved, key_count / 4.0, 0.05 * key_count / 4.0);
}

TEST(ConsistentHash, a_backend_that_comes_back_has_its_keys_again) {
    const auto all = with_weights({3, 1, 2});
    const auto keys = seeded_keys(4);
    Keys before;
    for (const auto key : keys) before.push_back(owner(all, key));
    EXPECT_EQ(owned({all[0], all[2]}, keys).size(), 2U);
    Keys after;
    for (const auto key : keys) after.push_back(owner(all, key));
    EXPECT_EQ(after, before);
}

TEST(ConsistentHash, a_larger_weight_only_attracts_and_a_smaller_one_only_repels) {
    const auto light = with_weights({2, 2, 2, 2});
    auto heavy = light;
    heavy[1].weight = 4;
    int moved = 0;
    for (const auto key : seeded_keys(5)) {
        const auto with_light = owner(light, key);
        const auto with_heavy = owner(heavy, key);
        if (with_light == with_heavy) continue;
        ++moved;
        ASSERT_EQ(with_heavy, light[1].id);
    }
    // From 2 of 8 to 4 of 10.
    const double share = key_count * (0.4 - 0.25);
    EXPECT_NEAR(moved, share, 0.1 * share);
}

TEST(ConsistentHash, scaling_all_weights_moves_nothing) {
    const auto small = with_weights({5, 3, 2});
    const auto large = with_weights({5U << 20, 3U << 20, 2U << 20});
    for (const auto key : seeded_keys(6)) ASSERT_EQ(owner(small, key), owner(large, key));
}

TEST(ConsistentHash, the_order_of_the_candidates_does_not_matter) {
    auto ready = with_weights({5, 3, 2, 1, 1});
    for (std::size_t i = 0; i < ready.size(); ++i)
        ready[i].sessions = 10 * static_cast<std::uint32_t>(i);
    const auto keys = seeded_keys(7);
    std::mt19937 random(8);
    for (const std::uint32_t load_percent : {0U, 50U, 125U}) {
        const ConsistentHash hash(load_percent);
        auto shuffled = ready;
        for (const auto key : keys) {
            std::ranges::shuffle(shuffled, random);
            ASSERT_EQ(shuffled[hash.pick(shuffled, key)].id, ready[hash.pick(ready, key)].id);
        }
    }
}

TEST(ConsistentHash, without_bound_sessions_do_not_matter) {
    auto ready = with_weights({1, 1, 1});
    for (const auto key : seeded_keys(9)) {
        ready[0].sessions = static_cast<std::uint32_t>(key);
        ASSERT_EQ(owner(ready, key), owner(with_weights({1, 1, 1}), key));
    }
}

TEST(ConsistentHash, choices_are_the_same_on_every_machine_and_in_every_version) {
    // A change here would move clients during an upgrade. It would also give several balancers
    // different choices.
    const auto ready = with_weights({5, 3, 2, 1});
    std::vector<std::size_t> picks;
    for (std::uint64_t key = 0; key < 32; ++key)
        picks.push_back(ConsistentHash(unbounded).pick(ready, key));
    // Computed by other code, in floating point.
    EXPECT_EQ(picks, (std::vector<std::size_t>{0, 0, 2, 1, 0, 3, 0, 3, 1, 3, 0, 1, 0, 1, 1, 3,
                                               2, 0, 0, 1, 0, 3, 1, 1, 0, 2, 1, 1, 1, 0, 1, 1}));
}

TEST(ConsistentHash, a_backend_above_its_bound_is_skipped) {
    struct Row {
        const char* why;
        std::uint32_t load_percent;
        std::vector<std::uint32_t> sessions;
        bool is_passed_over;  ///< the key's own backend, the first of three with weight 1
    };
    const std::vector<Row> table = {
        {"idle", 100, {0, 0, 0}, false},
        {"150 % of 7/3, rounded up, is 4: the fourth may come", 150, {3, 2, 1}, false},
        {"150 % of 8/3 is 4: the fifth may not", 150, {4, 2, 1}, true},
        {"100 % of 4/3, rounded up, is 2", 100, {1, 1, 1}, false},
        {"the third is over that", 100, {2, 1, 0}, true},
        {"200 % of 9/3 is 6", 200, {5, 3, 0}, false},
        {"the seventh is over that", 200, {6, 2, 0}, true},
        {"no bound", 0, {1000, 0, 0}, false},
        {"below 100 % all may be over: the best score", 50, {10, 10, 10}, false},
        {"below 100 %, another is not over", 50, {10, 10, 1}, true},
        {"no overflow", 1000, {0xffff'ffff, 0xffff'ffff, 0xffff'ffff}, false},
    };
    const auto idle = with_weights({1, 1, 1});
    const auto keys = seeded_keys(10);
    const auto key = *std::ranges::find(keys, idle[0].id, [&](auto k) { return owner(idle, k); });
    for (const auto& row : table) {
        auto ready = idle;
        for (std::size_t i = 0; i < ready.size(); ++i) ready[i].sessions = row.sessions[i];
        const auto chosen = ConsistentHash(row.load_percent).pick(ready, key);
        EXPECT_EQ(chosen != 0, row.is_passed_over) << row.why;
    }
}

TEST(ConsistentHash, the_bound_follows_the_weights) {
    auto ready = with_weights({3, 1});
    const auto keys = seeded_keys(11);
    const auto key = *std::ranges::find(keys, ready[0].id, [&](auto k) { return owner(ready, k); });
    ready[0].sessions = 9;
    ready[1].sessions = 2;
    EXPECT_EQ(ConsistentHash(100).pick(ready, key), 1U) << "3/4 of 12 are 9";
    ready[0].sessions = 8;
    EXPECT_EQ(ConsistentHash(100).pick(ready, key), 0U);
}

TEST(ConsistentHash, one_busy_key_overloads_no_backend) {
    // Half of all sessions come from one address behind a NAT.
    auto ready = with_weights({2, 1, 1, 1});
    std::mt19937_64 random(12);
    const ConsistentHash hash(150);
    std::uint32_t all = 0;
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t key = random() % 2 == 0 ? 42 : random();
        ++ready[hash.pick(ready, key)].sessions;
        ++all;
        for (const auto& backend : ready)
            ASSERT_LT(backend.sessions, 1.5 * all * backend.weight / 5 + 1) << i;
    }
    // Without the bound the key's backend would have half of all, and its share of the rest.
    const auto favourite = std::ranges::find(ready, owner(ready, 42), &Candidate::id);
    EXPECT_GT(favourite->sessions, 1.45 * all * favourite->weight / 5);
}

TEST(ConsistentHash, a_key_goes_to_its_next_choice_above_the_bound) {
    auto ready = with_weights({1, 1, 1, 1});
    const ConsistentHash hash(125);
    for (const auto key : seeded_keys(13)) {
        const auto first = hash.pick(ready, key);
        auto loaded = ready;
        loaded[first].sessions = 50;
        auto without = ready;
        without.erase(without.begin() + static_cast<std::ptrdiff_t>(first));
        ASSERT_EQ(loaded[hash.pick(loaded, key)].id, owner(without, key));
    }
}

}  // namespace
}  // namespace ballast::balance
