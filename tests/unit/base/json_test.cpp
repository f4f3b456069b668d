// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>

namespace ballast::base {
namespace {

TEST(JsonString, escapes_what_json_demands_and_invalid_utf8) {
    const std::pair<std::string, std::string> table[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"tab\tline\r\n", R"("tab\u0009line\u000d\u000a")"},
        {std::string("nul\0!", 5), R"("nul\u0000!")"},
        {"\x7f", R"("\u007f")"},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"caf\xe9", R"("caf\u00e9")"},
        {"\xc3", R"("\u00c3")"},
        {"\xc0\xaf", R"("\u00c0\u00af")"},            // overlong
        {"\xed\xa0\x80", R"("\u00ed\u00a0\u0080")"},  // a surrogate
        {"\xf4\x90\x80\x80", R"("\u00f4\u0090\u0080\u0080")"},
        {"\xe2\x82", R"("\u00e2\u0082")"},
        {"\xff\xfe", R"("\u00ff\u00fe")"},
    };
    for (const auto& [bytes, json] : table) EXPECT_EQ(json_string(bytes), json);
}

TEST(JsonString, is_cut_between_characters_and_says_so) {
    EXPECT_EQ(json_string("abc", 3), R"("abc")");
    EXPECT_EQ(json_string("abcd", 3), R"("abc...")");
    EXPECT_EQ(json_string("ab\xc3\xa9", 3), R"("ab...")");
    EXPECT_EQ(json_string("ab\n", 7), R"("ab...")");
}

}  // namespace
}  // namespace ballast::base
