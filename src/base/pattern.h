// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::base {

enum class LetterCase : std::uint8_t { matters, ignored };

/// Whether the whole text matches the pattern. '*' matches any number of bytes, '?' one byte. There
/// is no escape. The worst case takes time in proportion to the product of both lengths. `ignored`
/// concerns ASCII letters only.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text,
                           LetterCase letter_case = LetterCase::matters);

}  // namespace ballast::base
