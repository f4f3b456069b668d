// SPDX-License-Identifier: Apache-2.0
#include "cluster/stamp.h"

#include <charconv>
#include <cstdint>
#include <fmt/format.h>

namespace ballast::cluster {

std::string to_string(const Stamp& stamp) {
    return fmt::format("{} {}", stamp.at.count(), stamp.node);
}

std::optional<Stamp> parse_stamp(std::string_view text) {
    std::int64_t milliseconds = 0;
    const auto* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, milliseconds);
    if (read.ec != std::errc() || milliseconds < 0 || read.ptr == end || *read.ptr != ' ')
        return std::nullopt;
    return Stamp{std::chrono::milliseconds(milliseconds), std::string(read.ptr + 1, end)};
}

}  // namespace ballast::cluster
