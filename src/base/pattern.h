// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::base {

enum class LetterCase : std::uint8_t { matters, ignored };

/// Whether the whole text is like the pattern, in which '*' stands for any bytes, none too, and '?'
/// for any one byte. There is no escape. Takes time in proportion to the product of both lengths at
/// worst, whatever the pattern is. `ignored` is of ASCII letters only.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text,
                           LetterCase letter_case = LetterCase::matters);

}  // namespace ballast::base
