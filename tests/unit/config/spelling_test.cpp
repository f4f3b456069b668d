// SPDX-License-Identifier: Apache-2.0
#include "config/spelling.h"

#include <gtest/gtest.h>
#include <vector>

namespace ballast::config {
namespace {

TEST(Spelling, finds_the_intended_word) {
    const std::vector<std::string_view> known = {"bind",         "pool",          "passive_ports",
                                                 "idle_timeout", "login_timeout", "greeting"};
    EXPECT_EQ(nearest("idle_timout", known), "idle_timeout");
    EXPECT_EQ(nearest("idle-timeout", known), "idle_timeout");
    EXPECT_EQ(nearest("passive_port", known), "passive_ports");
    EXPECT_EQ(nearest("binds", known), "bind");
    EXPECT_EQ(nearest("bidn", known), "bind");
    EXPECT_EQ(nearest("poll", known), "pool");
    EXPECT_EQ(nearest("pool", known), "pool");
}

TEST(Spelling, guesses_nothing_if_no_word_is_near) {
    const std::vector<std::string_view> known = {"bind", "pool", "a"};
    EXPECT_EQ(nearest("banner", known), std::nullopt);
    EXPECT_EQ(nearest("x", known), std::nullopt);
    EXPECT_EQ(nearest("", known), std::nullopt);
    EXPECT_EQ(nearest(std::string(5000, 'b'), known), std::nullopt);
    EXPECT_EQ(nearest("bind", {}), std::nullopt);
}

TEST(Spelling, quotes_what_a_terminal_can_show) {
    EXPECT_EQ(in_quotes("plain"), "'plain'");
    EXPECT_EQ(in_quotes("\x1b[31m\n"), "'\\x1b[31m\\x0a'");
    EXPECT_EQ(in_quotes("gr\xc3\xbc\xc3\x9f"), "'gr\xc3\xbc\xc3\x9f'");
    EXPECT_EQ(in_quotes(std::string(100, 'x')), "'" + std::string(64, 'x') + "...'");
    // 63 letters and a character of two bytes that would be cut.
    EXPECT_EQ(in_quotes(std::string(63, 'x') + "\xc3\xbcx"), "'" + std::string(63, 'x') + "...'");
}

TEST(Spelling, lists_words_in_plain_english) {
    const std::vector<std::string_view> words = {"a", "b", "c"};
    EXPECT_EQ(listed(words), "a, b or c");
    EXPECT_EQ(listed(std::span(words).first(2)), "a or b");
    EXPECT_EQ(listed(std::span(words).first(1)), "a");
    EXPECT_EQ(listed({}), "");
    EXPECT_EQ(with_article("integer"), "an integer");
    EXPECT_EQ(with_article("size"), "a size");
}

}  // namespace
}  // namespace ballast::config
