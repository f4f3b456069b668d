// SPDX-License-Identifier: Apache-2.0
#include "ftp/secret.h"

#include "base/ascii.h"
#include "base/wiped_string.h"
#include "ftp/telnet.h"

#include <algorithm>
#include <vector>

namespace ballast::ftp {

namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

bool contains(std::string_view text, std::string_view part) {
    return !std::ranges::search(text, part, {}, base::to_lower, base::to_lower).empty();
}

bool is_punctuation(char c) {
    const char lower = base::to_lower(c);
    const bool is_letter_or_digit = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
    return !is_letter_or_digit && static_cast<unsigned char>(c) < 0x80;
}

/// The word without surrounding quotes, brackets and full stops.
std::string_view core_of(std::string_view word) {
    while (!word.empty() && is_punctuation(word.front())) word.remove_prefix(1);
    while (!word.empty() && is_punctuation(word.back())) word.remove_suffix(1);
    return word;
}

/// The words that servers may take for the password, in all readings. Also without a leading '-',
/// by which a client asks for short replies (BSD ftpd).
std::vector<base::WipedString> words_of(std::string_view secret) {
    std::vector<base::WipedString> words;
    for (const auto& reading : telnet_readings(secret)) {
        std::string_view rest = reading;
        while (!rest.empty()) {
            rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
            const auto word = rest.substr(0, std::min(rest.find_first_of(blanks), rest.size()));
            rest.remove_prefix(word.size());
            if (word.size() > 1 && word.front() == '-') words.emplace_back(word.substr(1));
            if (!word.empty()) words.emplace_back(word);
        }
    }
    return words;
}

/// That many equal characters are not a coincidence.
constexpr std::size_t part_min = 4;

bool may_be(std::string_view word, std::string_view secret) {
    const auto core = core_of(word);
    if (contains(secret, core.empty() ? word : core)) return true;
    const auto length = std::min(part_min, secret.size());
    for (std::size_t begin = 0; begin + length <= secret.size(); ++begin)
        if (contains(word, secret.substr(begin, length))) return true;
    return false;
}

}  // namespace

std::string without_secret(std::string_view text, std::string_view secret) {
    const auto words = words_of(secret);
    text = text.substr(0, loggable_text_max);
    std::string result;
    while (!text.empty()) {
        const auto blank = std::min(text.find_first_not_of(blanks), text.size());
        result += text.substr(0, blank);
        text.remove_prefix(blank);
        const auto word = text.substr(0, std::min(text.find_first_of(blanks), text.size()));
        text.remove_prefix(word.size());
        const bool is_secret =
            std::ranges::any_of(words, [&](std::string_view each) { return may_be(word, each); });
        result += is_secret ? std::string_view("***") : word;
    }
    return result;
}

}  // namespace ballast::ftp
