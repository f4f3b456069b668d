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

TEST(Counters, sum_over_running_and_ended_threads) {
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

TEST(Counters, are_independent) {
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

TEST(Counters, have_unique_names) {
    std::set<std::string_view> names;
    for (const auto& row : all_counters()) {
        EXPECT_FALSE(row.name.empty());
        EXPECT_EQ(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
                  std::string_view::npos);
        names.insert(row.name);
    }
    EXPECT_EQ(names.size(), all_counters().size());
}

TEST(Counters, are_named_like_their_enumerators) {
    const auto name_of = [](Counter counter) {
        return all_counters()[static_cast<std::size_t>(counter)].name;
    };
    EXPECT_EQ(name_of(Counter::sessions_accepted), "sessions_accepted");
    EXPECT_EQ(name_of(Counter::probes_failed), "probes_failed");
    EXPECT_EQ(name_of(Counter::data_ends_without_close_notify), "data_ends_without_close_notify");
}

TEST(Counters, say_in_a_sentence_what_they_count) {
    for (const auto& row : all_counters())
        EXPECT_TRUE(row.help.size() > 10 && row.help.ends_with('.')) << row.name;
}

TEST(Counters, are_in_the_manual_for_operators) {
    std::ifstream file(SOURCE_ROOT "/docs/operating.md");
    std::stringstream text;
    text << file.rdbuf();
    for (const auto& row : all_counters()) {
        const auto name = std::string(row.name);
        EXPECT_NE(text.str().find('`' + name + '`'), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace ballast::metrics
