// SPDX-License-Identifier: Apache-2.0
#include "cli/printable.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <iterator>
#include <vector>

namespace ballast::cli {

namespace {

struct Range {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
constexpr bool is_in(const std::array<Range, N>& ranges, char32_t c) {
    return std::ranges::any_of(
        ranges, [c](const Range& each) { return each.first <= c && c <= each.last; });
}

/// Controls, and what has no look of its own but changes that of others (Unicode 15, category Cf).
constexpr auto unprintable = std::to_array<Range>({{0x00, 0x1F},
                                                   {0x7F, 0x9F},
                                                   {0xAD, 0xAD},
                                                   {0x61C, 0x61C},
                                                   {0x180E, 0x180E},
                                                   {0x200B, 0x200F},
                                                   {0x2028, 0x202E},
                                                   {0x2060, 0x206F},
                                                   {0xFEFF, 0xFEFF},
                                                   {0xFFF9, 0xFFFB},
                                                   {0xE0000, 0xE007F}});
/// Two columns wide (Unicode 15, East Asian Width W and F, in rough).
constexpr auto wide = std::to_array<Range>({{0x1100, 0x115F},
                                            {0x2E80, 0x303E},
                                            {0x3041, 0xA4CF},
                                            {0xAC00, 0xD7A3},
                                            {0xF900, 0xFAFF},
                                            {0xFE30, 0xFE6F},
                                            {0xFF00, 0xFF60},
                                            {0xFFE0, 0xFFE6},
                                            {0x1F300, 0x1F64F},
                                            {0x1F680, 0x1F6FF},
                                            {0x1F900, 0x1F9FF},
                                            {0x20000, 0x3FFFD}});
/// Drawn over the character before.
constexpr auto combining = std::to_array<Range>({{0x300, 0x36F},
                                                 {0x483, 0x489},
                                                 {0x591, 0x5BD},
                                                 {0x610, 0x61A},
                                                 {0x64B, 0x65F},
                                                 {0x1AB0, 0x1AFF},
                                                 {0x1DC0, 0x1DFF},
                                                 {0x20D0, 0x20FF},
                                                 {0xFE00, 0xFE0F},
                                                 {0xFE20, 0xFE2F}});

/// A character of UTF-8, or one byte that belongs to none.
struct Character {
    std::size_t bytes = 1;
    char32_t code = 0;
    bool is_valid = false;
};

/// The first character of a text that is not empty (RFC 3629).
Character first_of(std::string_view text) {
    const auto byte_at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = byte_at(0);
    if (lead < 0x80) return {1, lead, true};
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
    char32_t code = lead & (0xFFU >> (bytes + 1));
    for (std::size_t i = 1; i < bytes; ++i) {
        if ((byte_at(i) & 0xC0U) != 0x80) return {};
        code = code << 6 | (byte_at(i) & 0x3FU);
    }
    const bool is_overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
    const bool is_surrogate = 0xD800 <= code && code <= 0xDFFF;
    if (is_overlong || is_surrogate || code > 0x10FFFF) return {};
    return {bytes, code, true};
}

std::size_t width_of(const Character& character) {
    if (is_in(combining, character.code)) return 0;
    return is_in(wide, character.code) ? 2 : 1;
}

constexpr std::string_view ellipsis = "…";

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto character = first_of(text);
        const auto bytes = text.substr(0, character.bytes);
        text.remove_prefix(character.bytes);
        if (character.is_valid && !is_in(unprintable, character.code))
            result += bytes;
        else if (character.bytes == 1)
            fmt::format_to(std::back_inserter(result), "\\x{:02x}",
                           static_cast<unsigned char>(bytes.front()));
        else
            fmt::format_to(std::back_inserter(result), "\\u{:04x}",
                           static_cast<std::uint32_t>(character.code));
    }
    return result;
}

std::string printable_json(std::string_view json) {
    std::string result;
    while (!json.empty()) {
        const auto character = first_of(json);
        const auto bytes = json.substr(0, character.bytes);
        json.remove_prefix(character.bytes);
        // RFC 8259 7: controls below 0x20 are escaped already, or are blanks between values.
        constexpr char32_t space = 0x20;
        if (character.code < space || !is_in(unprintable, character.code)) {
            result += bytes;
            continue;
        }
        const auto escape = [&](char32_t unit) {
            fmt::format_to(std::back_inserter(result), "\\u{:04x}",
                           static_cast<std::uint32_t>(unit));
        };
        constexpr char32_t supplementary = 0x10000;
        if (character.code < supplementary) {
            escape(character.code);
        } else {
            const auto rest = character.code - supplementary;
            escape(0xD800 + (rest >> 10U));
            escape(0xDC00 + (rest & 0x3FFU));
        }
    }
    return result;
}

std::size_t width_of(std::string_view printable_text) {
    std::size_t width = 0;
    while (!printable_text.empty()) {
        const auto character = first_of(printable_text);
        width += width_of(character);
        printable_text.remove_prefix(character.bytes);
    }
    return width;
}

std::string shortened(std::string_view printable_text, std::size_t columns, Side cut) {
    if (width_of(printable_text) <= columns) return std::string(printable_text);
    if (columns == 0) return {};
    // Each character with the width of the text up to it.
    struct End {
        std::size_t bytes;
        std::size_t width;
    };
    std::vector<End> ends = {{0, 0}};
    for (auto rest = printable_text; !rest.empty();) {
        const auto character = first_of(rest);
        ends.push_back(
            {ends.back().bytes + character.bytes, ends.back().width + width_of(character)});
        rest.remove_prefix(character.bytes);
    }
    const auto room = columns - 1;
    if (cut == Side::end) {
        const auto last = std::ranges::upper_bound(ends, room, {}, &End::width);
        return std::string(printable_text.substr(0, std::prev(last)->bytes)) +
               std::string(ellipsis);
    }
    const auto total = ends.back().width;
    const auto first =
        std::ranges::find_if(ends, [&](const End& each) { return total - each.width <= room; });
    return std::string(ellipsis) + std::string(printable_text.substr(first->bytes));
}

}  // namespace ballast::cli
