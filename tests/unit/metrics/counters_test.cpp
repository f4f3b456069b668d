// SPDX-License-Identifier: Apache-2.0
#include "metrics/counters.h"

#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace ballast::metrics {
namespace {

TEST(Counters, sum_over_threads_that_live_and_that_have_ended) {
    const auto before = total(Counter::logins);
    count(Counter::logins);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([] {
            for (int k = 0; k < 1000; ++k) count(Counter::logins, 2);
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(total(Counter::logins), before + 1 + 8000);
}

TEST(Counters, do_not_mix) {
    const auto whole = total(Counter::transfers_whole);
    const auto failed = total(Counter::transfers_failed);
    count(Counter::transfers_failed, 3);
    EXPECT_EQ(total(Counter::transfers_whole), whole);
    EXPECT_EQ(total(Counter::transfers_failed), failed + 3);
}

TEST(Counters, may_be_read_while_others_count) {
    const auto before = total(Counter::bytes_copied);
    std::thread counting([] {
        for (int k = 0; k < 10'000; ++k) count(Counter::bytes_copied);
    });
    std::uint64_t last = before;
    while (last < before + 10'000) {
        const auto now = total(Counter::bytes_copied);
        ASSERT_GE(now, last);
        last = now;
    }
    counting.join();
    EXPECT_EQ(total(Counter::bytes_copied), before + 10'000);
}

TEST(Counters, have_each_a_name_of_their_own) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < counter_count; ++i) {
        const auto name = name_of(static_cast<Counter>(i));
        EXPECT_FALSE(name.empty());
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
        names.insert(name);
    }
    EXPECT_EQ(names.size(), counter_count);
    EXPECT_EQ(name_of(Counter::sessions_accepted), "sessions_accepted");
    EXPECT_EQ(name_of(Counter::probes_failed), "probes_failed");
}

TEST(Counters, are_each_in_the_manual_of_operators) {
    std::ifstream file(SOURCE_ROOT "/docs/operating.md");
    std::stringstream text;
    text << file.rdbuf();
    for (std::size_t i = 0; i < counter_count; ++i) {
        const auto name = std::string(name_of(static_cast<Counter>(i)));
        EXPECT_NE(text.str().find('`' + name + '`'), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace ballast::metrics
