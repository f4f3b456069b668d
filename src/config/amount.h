// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/refusal.h"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

/// Durations and sizes in the file's form: a whole number and a unit, without a space. Rates: a
/// number with up to three decimals, and the time that it is for.
namespace ballast::config {

/// "500ms", "5s", "2m", "1h".
[[nodiscard]] std::expected<Duration, Refusal> parse_duration(std::string_view text);
/// "8192B", "64KB" (64000 bytes), "8KiB" (8192 bytes), likewise MB, MiB, GB and GiB.
[[nodiscard]] std::expected<std::size_t, Refusal> parse_size(std::string_view text);
/// "10/s", "0.5/s", "30/min", "1/h"; "off" is 0. Per second.
[[nodiscard]] std::expected<double, Refusal> parse_rate(std::string_view text);

/// In the largest unit that divides it: "90s", "15m", "8KiB".
[[nodiscard]] std::string duration_text(Duration duration);
[[nodiscard]] std::string size_text(std::size_t bytes);
/// In the shortest unit that needs no more than three decimals: "0.5/s", "1/min"; 0 is "off".
[[nodiscard]] std::string rate_text(double per_second);

}  // namespace ballast::config
