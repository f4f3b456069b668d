// SPDX-License-Identifier: Apache-2.0
#include "base/pattern.h"

#include <chrono>
#include <gtest/gtest.h>
#include <string>

namespace ballast::base {
namespace {

TEST(Pattern, matches_the_whole_text) {
    const struct {
        const char* pattern;
        const char* text;
        bool is_like;
    } table[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"abc", "abc", true},
        {"abc", "abcd", false},
        {"abc", "Abc", false},
        {"a*c", "abbc", true},
        {"a*c", "ac", true},
        {"a*c", "acb", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*a*b*", "xaybz", true},
        {"*a*b*", "xbyaz", false},
        {"sales-*", "sales-", true},
        {"*.org", "a.b.org", true},
        {"**a", "ba", true},
        {"?", "", false},
        {"*ab", "aab", true},
        {"*aab", "aaaab", true},
        {"a*", "", false},
    };
    for (const auto& row : table)
        EXPECT_EQ(matches(row.pattern, row.text), row.is_like) << row.pattern << ' ' << row.text;
}

TEST(Pattern, ignores_the_case_of_ascii_letters_if_asked) {
    EXPECT_TRUE(matches("*.Example.ORG", "ftp.eXample.org", LetterCase::ignored));
    EXPECT_FALSE(matches("\xc4", "\xe4", LetterCase::ignored));
}

TEST(Pattern, is_not_slowed_down_by_many_stars) {
    const std::string text(20'000, 'a');
    std::string pattern;
    for (int i = 0; i < 100; ++i) pattern += "a*";
    EXPECT_FALSE(matches(pattern + 'b', text));  // exponential matchers never return
}

}  // namespace
}  // namespace ballast::base
