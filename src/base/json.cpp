// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>

namespace ballast::base {

namespace {

constexpr std::string_view cut_mark = "...";

/// Length of the valid UTF-8 sequence at the front, 0 if there is none.
std::size_t utf8_length(std::string_view bytes) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char first = at(0);
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xc0) != 0x80) return 0;
    // Overlong forms, surrogates and code points above U+10FFFF.
    if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;
    if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
    return length;
}

}  // namespace

std::string json_string(std::string_view bytes, std::size_t bytes_max) {
    std::string out = "\"";
    while (!bytes.empty()) {
        const auto byte = static_cast<unsigned char>(bytes.front());
        const auto length = utf8_length(bytes);
        const auto before = out.size();
        if (byte == '"' || byte == '\\') {
            out += '\\';
            out += bytes.front();
        } else if (length == 0 || byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
        } else {
            out += bytes.substr(0, length);
        }
        if (out.size() - 1 > bytes_max) {
            out.resize(before);
            out += cut_mark;
            break;
        }
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out += '"';
}

}  // namespace ballast::base
