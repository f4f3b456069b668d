// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

/// Numbers for people: three digits or so, and a unit.
namespace ballast::cli {

/// "0 B", "9.8 KiB", "512 MiB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
/// "9.8 MiB/s"
[[nodiscard]] std::string rate_text(double bytes_per_second);
/// "45%" of `whole`; never "100%" before all is done. Empty if `whole` is 0.
[[nodiscard]] std::string percent_text(double part, double whole);
/// "0s", "59s", "4m05s", "3h07m", "12d03h"
[[nodiscard]] std::string span_text(std::chrono::seconds span);

}  // namespace ballast::cli
