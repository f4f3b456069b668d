// SPDX-License-Identifier: Apache-2.0
#include "base/port_range.h"

#include "base/number.h"

namespace ballast::base {

std::optional<std::uint16_t> parse_port(std::string_view text) {
    return parse_number<std::uint16_t>(text);
}

std::optional<PortRange> PortRange::parse(std::string_view text) {
    const auto dash = text.find('-');
    const auto first = parse_port(text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
    if (!first || !last || *first == 0 || *last < *first) return std::nullopt;
    return PortRange{*first, *last};
}

std::string to_string(const PortRange& range) {
    if (range.first == range.last) return std::to_string(range.first);
    return std::to_string(range.first) + '-' + std::to_string(range.last);
}

}  // namespace ballast::base
