// SPDX-License-Identifier: Apache-2.0
#include "config/spelling.h"

#include <algorithm>
#include <cstddef>
#include <fmt/format.h>
#include <vector>

namespace ballast::config {

namespace {

/// No key is this long, and the distance takes time in proportion to the product of both lengths.
constexpr std::size_t word_bytes_max = 64;

/// Optimal string alignment: Levenshtein's distance with swapped neighbours as one change.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, changed});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> known) {
    if (word.size() > word_bytes_max) return std::nullopt;
    std::optional<std::string_view> best;
    // With up to a third of its letters wrong it is a misspelling, otherwise another word.
    std::size_t best_distance = std::max<std::size_t>(word.size() / 3, 1) + 1;
    for (const auto candidate : known) {
        if (candidate.size() > word_bytes_max) continue;
        const auto changes = distance(word, candidate);
        if (changes >= best_distance || changes >= candidate.size()) continue;
        best = candidate;
        best_distance = changes;
    }
    return best;
}

std::string in_quotes(std::string_view text) {
    std::string result = "'";
    for (const char c : text.substr(0, word_bytes_max)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f)
            result += fmt::format("\\x{:02x}", byte);
        else
            result += c;
    }
    if (text.size() > word_bytes_max) {
        // Remove a UTF-8 character that was cut in two.
        auto cut = word_bytes_max;
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80) {
            --cut;
            result.pop_back();
        }
        result += "...";
    }
    return result + '\'';
}

std::string listed(std::span<const std::string_view> words) {
    std::string result;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) result += i + 1 == words.size() ? " or " : ", ";
        result += words[i];
    }
    return result;
}

std::string with_article(std::string_view noun) {
    const bool vowel = !noun.empty() && std::string_view("aeiou").contains(noun.front());
    return fmt::format("{} {}", vowel ? "an" : "a", noun);
}

}  // namespace ballast::config
