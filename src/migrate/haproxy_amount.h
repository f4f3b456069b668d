// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ballast::migrate::haproxy {

/// "20s", "500ms", "100us", "1d". A bare number counts `bare_unit`s. Empty if it is no time, or has
/// more than a hundred years.
[[nodiscard]] std::optional<std::chrono::microseconds> parse_time(
    std::string_view text, std::chrono::microseconds bare_unit = std::chrono::milliseconds(1));

/// "100", "10k", "1m" or "2g", in units of 1024. Empty if it is no size or does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace ballast::migrate::haproxy
