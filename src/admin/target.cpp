// SPDX-License-Identifier: Apache-2.0
#include "admin/target.h"

#include "base/ascii.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fmt/format.h>
#include <iterator>
#include <utility>

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

/// Empty if an escape is wrong.
std::optional<std::string> decoded(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        if (text.front() != '%') {
            bytes += text.front();
            text.remove_prefix(1);
            continue;
        }
        const auto byte = escaped_byte(text);
        if (!byte) return std::nullopt;
        bytes += *byte;
        text.remove_prefix(escape_bytes);
    }
    return bytes;
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
        target.remove_prefix(1);  // "/"
        const auto segment = target.substr(0, target.find('/'));
        auto name = decoded(segment);
        if (!name) return std::nullopt;
        segments.push_back(std::move(*name));
        target.remove_prefix(segment.size());
    }
    return segments;
}

std::optional<std::map<std::string, std::string, std::less<>>> query_of(std::string_view target) {
    std::map<std::string, std::string, std::less<>> query;
    const auto mark = target.find('?');
    auto rest = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
    while (!rest.empty()) {
        const auto part = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(part.size() + 1, rest.size()));
        const auto equals = std::min(part.find('='), part.size());
        auto key = decoded(part.substr(0, equals));
        auto value = decoded(part.substr(std::min(equals + 1, part.size())));
        if (!key || !value) return std::nullopt;
        query.insert_or_assign(std::move(*key), std::move(*value));
    }
    return query;
}

std::string target_with(std::string_view target,
                        const std::map<std::string, std::string, std::less<>>& query) {
    std::string text(target.substr(0, target.find('?')));
    char separator = '?';
    for (const auto& [key, value] : query)
        text += fmt::format("{}{}={}", std::exchange(separator, '&'), percent_encoded(key),
                            percent_encoded(value));
    return text;
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
