// SPDX-License-Identifier: Apache-2.0
#include "cli/printable.h"

#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {
namespace {

TEST(Printable, writes_out_what_a_terminal_would_obey) {
    for (const auto& [text, expected] : std::vector<std::pair<std::string, std::string>>{
             {"", ""},
             {"plain name.txt", "plain name.txt"},
             {"Grüße 日本 🙂", "Grüße 日本 🙂"},
             {"\x1b[2J\x07", R"(\x1b[2J\x07)"},
             {"a\nb\tc\r\x7f", R"(a\x0ab\x09c\x0d\x7f)"},
             {std::string("a\0b", 3), R"(a\x00b)"},
             {"\xc2\x9b"
              "1m",
              R"(\u009b1m)"},  // CSI in one character
             {"\xe2\x80\xae"
              "txt.exe",
              R"(\u202etxt.exe)"},  // right to left
             {"\xef\xbb\xbf", R"(\ufeff)"},
             {"caf\xe9", R"(caf\xe9)"},                    // Latin-1
             {"\xc0\x8a", R"(\xc0\x8a)"},                  // overlong line feed
             {"\xed\xa0\x80", R"(\xed\xa0\x80)"},          // a surrogate
             {"\xf4\x90\x80\x80", R"(\xf4\x90\x80\x80)"},  // beyond Unicode
             {"\xe2\x82", R"(\xe2\x82)"},                  // cut off
         })
        EXPECT_EQ(printable(text), expected);
}

TEST(Printable, every_byte_gives_something_to_see) {
    for (int byte = 0; byte < 256; ++byte) {
        const auto text = printable(std::string(1, static_cast<char>(byte)));
        EXPECT_FALSE(text.empty());
        for (const char c : text) EXPECT_TRUE(' ' <= c && c <= '~') << byte;
    }
}

TEST(Printable, json_stays_json) {
    EXPECT_EQ(printable_json(R"({"a":"\u001b[2J","b":["Grüße"]})"),
              R"({"a":"\u001b[2J","b":["Grüße"]})");
    EXPECT_EQ(printable_json("\"\xc2\x9b\x7f\xe2\x80\xae\""), R"("\u009b\u007f\u202e")");
    EXPECT_EQ(printable_json("\"\xf3\xa0\x80\x81\"\n"), "\"\\udb40\\udc01\"\n");  // U+E0001
}

TEST(Width, counts_columns) {
    for (const auto& [text, width] : std::vector<std::pair<std::string_view, std::size_t>>{
             {"", 0}, {"abc", 3}, {"Grüße", 5}, {"日本", 4}, {"e\xcc\x81", 1}, {"🙂", 2}})
        EXPECT_EQ(width_of(text), width) << text;
}

TEST(Shortened, keeps_to_the_width_and_to_whole_characters) {
    for (const std::string_view text : {"", "a", "abcdef", "日本語日本語",
                                        "e\xcc\x81"
                                        "e\xcc\x81"
                                        "xyz"})
        for (std::size_t columns = 0; columns < 14; ++columns)
            for (const auto side : {Side::front, Side::end}) {
                const auto cut = shortened(text, columns, side);
                EXPECT_LE(width_of(cut), columns) << text;
                EXPECT_EQ(printable(cut), cut);
                if (width_of(text) <= columns) EXPECT_EQ(cut, text);
            }
    EXPECT_EQ(shortened("abcdef", 4), "abc…");
    EXPECT_EQ(shortened("abcdef", 4, Side::front), "…def");
    EXPECT_EQ(shortened("日本語", 4), "日…");
    EXPECT_EQ(shortened("日本語", 4, Side::front), "…語");
}

}  // namespace
}  // namespace ballast::cli
