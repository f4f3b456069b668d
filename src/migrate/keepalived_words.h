// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// Lines of keepalived.conf.
namespace ballast::migrate {

struct Word {
    std::string text;  ///< without quotes, and with escapes replaced
    std::string raw;   ///< as the file has it

    [[nodiscard]] bool is_quoted() const { return text != raw; }
};

/// A line without its comment. Comments begin with # or ! outside of quotes.
struct SplitLine {
    std::string_view text;     ///< without blanks at both ends
    std::string_view comment;  ///< without the # or !
    bool has_comment = false;
};
[[nodiscard]] SplitLine split_comment(std::string_view line);

/// Splits at blanks. Quotes, " and ', keep blanks; a backslash in quotes escapes like a shell's.
/// The error says which quote is not closed.
[[nodiscard]] std::expected<std::vector<Word>, char> split_words(std::string_view text);

/// The text in a form that `split_words` reads as one word.
[[nodiscard]] std::string quoted_word(std::string_view text);

}  // namespace ballast::migrate
