// SPDX-License-Identifier: Apache-2.0
#include "admin/target.h"

#include "base/ascii.h"

#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>

namespace ballast::admin {

namespace {

constexpr std::size_t escape_bytes = 3;

/// The byte of an escape like "%2F" at the front.
std::optional<char> escaped_byte(std::string_view text) {
    if (text.size() < escape_bytes) return std::nullopt;
    std::uint8_t byte = 0;
    const auto digits = text.substr(1, escape_bytes - 1);
    const auto* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, byte, 16);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return static_cast<char>(byte);
}

/// RFC 3986 2.3
bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~").contains(c);
}

}  // namespace

std::optional<std::vector<std::string>> segments_of(std::string_view target) {
    target = target.substr(0, target.find('?'));
    if (!target.starts_with('/')) return std::nullopt;
    std::vector<std::string> segments;
    while (!target.empty()) {
        if (target.front() == '/') {
            segments.emplace_back();
            target.remove_prefix(1);
        } else if (target.front() == '%') {
            const auto byte = escaped_byte(target);
            if (!byte) return std::nullopt;
            segments.back() += *byte;
            target.remove_prefix(escape_bytes);
        } else {
            segments.back() += target.front();
            target.remove_prefix(1);
        }
    }
    return segments;
}

std::string percent_encoded(std::string_view name) {
    std::string text;
    for (const char c : name) {
        if (is_unreserved(c))
            text += c;
        else
            fmt::format_to(std::back_inserter(text), "%{:02X}", static_cast<std::uint8_t>(c));
    }
    return text;
}

}  // namespace ballast::admin
