// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

/// Letters and blanks of ASCII, whatever the locale.
namespace ballast::base {

[[nodiscard]] constexpr char to_lower(char c) {
    return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
[[nodiscard]] constexpr char to_upper(char c) {
    return 'a' <= c && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
[[nodiscard]] inline std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), to_lower);
    return result;
}
[[nodiscard]] inline std::string upper(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), to_upper);
    return result;
}
[[nodiscard]] inline bool is_same_but_for_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, to_lower, to_lower);
}

inline constexpr std::string_view blanks = " \t";

[[nodiscard]] constexpr std::string_view trimmed_behind(std::string_view text,
                                                        std::string_view unwanted = blanks) {
    return text.substr(0, text.find_last_not_of(unwanted) + 1);
}
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text,
                                                 std::string_view unwanted = blanks) {
    text.remove_prefix(std::min(text.find_first_not_of(unwanted), text.size()));
    return trimmed_behind(text, unwanted);
}

}  // namespace ballast::base
