// SPDX-License-Identifier: Apache-2.0
#include "ftp/secret.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace ballast::ftp {
namespace {

using namespace std::string_view_literals;

TEST(WithoutSecret, hides_what_might_be_the_password) {
    const struct {
        std::string_view text;
        std::string_view secret;
        std::string_view shown;
    } rows[] = {
        {"Login incorrect.", "hunter2", "Login incorrect."},
        {"Login incorrect.", "", "Login incorrect."},
        {"", "hunter2", ""},
        {"wrong: hunter2", "hunter2", "wrong: ***"},
        {"wrong: 'HUNTER2'!", "hunter2", "wrong: ***"},
        {"pass=hunter2, sorry", "hunter2", "*** sorry"},
        // A part of the password, also inside other text.
        {"hunt... is wrong", "hunter2", "*** is wrong"},
        {"pass=hunte", "hunter2", "***"},
        {"2 tries left", "hunter2", "*** tries left"},
        // A password of several words.
        {"no 'two words' here", "two words", "no *** *** here"},
        {"no twowords", "two words", "no ***"},
        // The password as servers read it.
        {"no hunter2", "-hunter2", "no ***"},
        {"no hunter2", "hun\xff\xf1ter2"sv, "no ***"},
        {"no hun\xff\xf1ter2"sv, "hun\xff\xf1ter2"sv, "no ***"},
        // Hiding too much is better than too little.
        {"a bad day", "a", "*** *** ***"},
        {"Login  incorrect", "login", "***  incorrect"},
        {"no \xc3\xa4\xc3\xb6", "\xc3\xa4\xc3\xb6", "no ***"},
    };
    for (const auto& row : rows)
        EXPECT_EQ(without_secret(row.text, row.secret), row.shown) << row.text;
}

TEST(WithoutSecret, cuts_long_texts) {
    const std::string text(10'000, 'x');
    EXPECT_EQ(without_secret(text, ""), text.substr(0, loggable_text_max));
    EXPECT_EQ(without_secret(text, "xxxx"), "***");
}

}  // namespace
}  // namespace ballast::ftp
