// SPDX-License-Identifier: Apache-2.0
#include "cli/amounts.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string_view>

namespace ballast::cli {

namespace {

constexpr double step = 1024;

std::string scaled(double amount) {
    constexpr auto units =
        std::to_array<std::string_view>({"B", "KiB", "MiB", "GiB", "TiB", "PiB"});
    std::size_t unit = 0;
    // 1023.6 would be rounded to 1024.
    while (amount >= step - 0.5 && unit + 1 < units.size()) {
        amount /= step;
        ++unit;
    }
    const bool has_fraction = unit > 0 && amount < 9.95;
    return fmt::format("{:.{}f} {}", amount, has_fraction ? 1 : 0, units[unit]);
}

}  // namespace

std::string bytes_text(std::uint64_t bytes) { return scaled(static_cast<double>(bytes)); }

std::string rate_text(double bytes_per_second) {
    return scaled(std::max(bytes_per_second, 0.0)) + "/s";
}

std::string percent_text(double part, double whole) {
    if (whole <= 0) return {};
    constexpr double hundred = 100;
    return fmt::format("{}%", static_cast<int>(std::min(part / whole, 1.0) * hundred));
}

std::string span_text(std::chrono::seconds span) {
    using namespace std::chrono;
    const auto all = std::max(span, seconds(0));
    const auto whole_days = floor<days>(all).count();
    const auto hour = floor<hours>(all % days(1)).count();
    const auto minute = floor<minutes>(all % hours(1)).count();
    if (whole_days > 0) return fmt::format("{}d{:02}h", whole_days, hour);
    if (hour > 0) return fmt::format("{}h{:02}m", hour, minute);
    if (minute > 0) return fmt::format("{}m{:02}s", minute, (all % minutes(1)).count());
    return fmt::format("{}s", all.count());
}

}  // namespace ballast::cli
