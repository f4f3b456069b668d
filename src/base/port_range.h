// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::base {

/// A port as text: decimal digits and nothing else, 0 to 65535.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

/// Ports `first` to `last`, both included: "20000-20099", or "20000" for one.
struct PortRange {
    std::uint16_t first = 0;
    std::uint16_t last = 0;

    /// Empty if the text is not a range, contains port 0, or ends before it begins.
    static std::optional<PortRange> parse(std::string_view text);

    [[nodiscard]] std::uint32_t size() const { return std::uint32_t{last} - first + 1; }
    [[nodiscard]] bool contains(std::uint16_t port) const { return first <= port && port <= last; }
    [[nodiscard]] bool overlaps(const PortRange& other) const {
        return first <= other.last && other.first <= last;
    }

    friend bool operator==(const PortRange&, const PortRange&) = default;
};

[[nodiscard]] std::string to_string(const PortRange& range);

}  // namespace ballast::base
