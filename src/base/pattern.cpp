// SPDX-License-Identifier: Apache-2.0
#include "base/pattern.h"

#include "base/ascii.h"

#include <cstddef>

namespace ballast::base {

bool matches(std::string_view pattern, std::string_view text, LetterCase letter_case) {
    const auto is_like = [&](char wanted, char c) {
        if (wanted == '?') return true;
        return letter_case == LetterCase::ignored ? to_lower(wanted) == to_lower(c) : wanted == c;
    };
    std::size_t p = 0;
    std::size_t t = 0;
    // The latest star: only this one ever needs to match more.
    std::size_t star = std::string_view::npos;
    std::size_t taken_to = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            taken_to = t;
        } else if (p < pattern.size() && is_like(pattern[p], text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++taken_to;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace ballast::base
