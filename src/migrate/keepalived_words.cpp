// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_words.h"

#include "base/ascii.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace ballast::migrate {

namespace {

constexpr bool is_quote(char c) { return c == '"' || c == '\''; }
constexpr bool is_blank(char c) { return base::blanks.contains(c) || c == '\r'; }

/// Up to `digits_max` digits of this base at the front of `rest`, which are taken away.
char code_of(std::string_view& rest, std::size_t digits_max, int base) {
    unsigned code = 0;
    const auto digits = rest.substr(0, digits_max);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, base);
    rest.remove_prefix(static_cast<std::size_t>(end - digits.data()));
    return static_cast<char>(static_cast<std::uint8_t>(code));
}

/// The character that an escape stands for; `rest` begins behind the backslash.
char escaped(std::string_view& rest) {
    constexpr std::string_view letters = "abEfnrtv";
    constexpr std::string_view codes = "\a\b\x1b\f\n\r\t\v";
    const char first = rest.front();
    if ('0' <= first && first <= '7') return code_of(rest, 3, 8);
    rest.remove_prefix(1);
    if (const auto found = letters.find(first); found != std::string_view::npos)
        return codes[found];
    const bool is_hex = first == 'x' && !rest.empty() &&
                        std::string_view("0123456789abcdefABCDEF").contains(rest.front());
    if (is_hex) return code_of(rest, 2, 16);
    if (first == 'c' && !rest.empty()) {
        constexpr char control_bits = 0x1f;
        const auto control = static_cast<char>(rest.front() & control_bits);
        rest.remove_prefix(1);
        return control;
    }
    return first;
}

/// Whether a quoted part begins at `at`. An apostrophe within a word, or alone, is a letter.
bool begins_quoted_part(std::string_view line, std::size_t at) {
    if (line[at] == '"') return true;
    const bool begins_word = at == 0 || is_blank(line[at - 1]);
    return line[at] == '\'' && begins_word && line.find('\'', at + 1) < line.size();
}

}  // namespace

SplitLine split_comment(std::string_view line) {
    char open = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (open != 0 && c == '\\')
            ++i;
        else if (open != 0)
            open = c == open ? '\0' : open;
        else if (is_quote(c) && begins_quoted_part(line, i))
            open = c;
        else if (c == '#' || c == '!')
            return {base::trimmed(line.substr(0, i), " \t\r"),
                    base::trimmed_behind(line.substr(i + 1), " \t\r"), true};
    }
    return {base::trimmed(line, " \t\r"), {}, false};
}

std::expected<std::vector<Word>, char> split_words(std::string_view text) {
    std::vector<Word> words;
    std::size_t at = 0;
    while (true) {
        while (at < text.size() && is_blank(text[at])) ++at;
        if (at == text.size()) return words;
        const auto begin = at;
        Word word;
        char open = 0;
        while (at < text.size() && (open != 0 || !is_blank(text[at]))) {
            const char c = text[at];
            if (open == 0 && is_quote(c) && begins_quoted_part(text, at)) {
                open = c;
                ++at;
            } else if (open != 0 && c == open) {
                open = 0;
                ++at;
            } else if (open != 0 && c == '\\' && at + 1 < text.size()) {
                auto rest = text.substr(at + 1);
                word.text += escaped(rest);
                at = text.size() - rest.size();
            } else {
                word.text += c;
                ++at;
            }
        }
        if (open != 0) return std::unexpected(open);
        word.raw = text.substr(begin, at - begin);
        words.push_back(std::move(word));
    }
}

std::string quoted_word(std::string_view text) {
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') result += '\\';
        result += c;
    }
    return result + '"';
}

}  // namespace ballast::migrate
