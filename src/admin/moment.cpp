// SPDX-License-Identifier: Apache-2.0
#include "admin/moment.h"

#include "base/number.h"

#include <algorithm>
#include <cstdint>

namespace ballast::admin {

namespace {

/// Takes a number of so many digits and the mark behind it from the front. `0`: no mark.
bool take(std::string_view& text, std::size_t digits, char mark, std::uint32_t& number) {
    if (text.size() < digits + (mark != 0 ? 1 : 0)) return false;
    const auto parsed = base::parse_number<std::uint32_t>(text.substr(0, digits));
    if (!parsed || (mark != 0 && text[digits] != mark)) return false;
    number = *parsed;
    text.remove_prefix(digits + (mark != 0 ? 1 : 0));
    return true;
}

/// ".25"; nothing is zero.
std::optional<std::chrono::microseconds> take_fraction(std::string_view& text) {
    std::chrono::microseconds fraction{};
    if (!text.starts_with('.')) return fraction;
    text.remove_prefix(1);
    const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0) return std::nullopt;
    auto unit = std::chrono::microseconds(std::chrono::seconds(1));
    for (const char digit : text.substr(0, digits)) {
        unit /= 10;
        fraction += (digit - '0') * unit;
    }
    text.remove_prefix(digits);
    return fraction;
}

/// "Z", "+01:00" or "-08:00".
std::optional<std::chrono::minutes> take_offset(std::string_view text) {
    if (text == "Z" || text == "z") return std::chrono::minutes(0);
    if (!text.starts_with('+') && !text.starts_with('-')) return std::nullopt;
    const bool is_behind = text.starts_with('-');
    text.remove_prefix(1);
    std::uint32_t hours = 0;
    std::uint32_t minutes = 0;
    if (!take(text, 2, ':', hours) || !take(text, 2, 0, minutes) || !text.empty() || hours > 23 ||
        minutes > 59)
        return std::nullopt;
    const auto offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    return is_behind ? -offset : offset;
}

}  // namespace

std::optional<Moment> moment_from(std::string_view text) {
    constexpr std::uint64_t seconds_max = 100'000'000'000;  // far away, and no overflow
    if (const auto seconds = base::parse_number<std::uint64_t>(text))
        return *seconds <= seconds_max ? std::optional(Moment(std::chrono::seconds(*seconds)))
                                       : std::nullopt;
    std::uint32_t year = 0;
    std::uint32_t month = 0;
    std::uint32_t day = 0;
    std::uint32_t hour = 0;
    std::uint32_t minute = 0;
    std::uint32_t second = 0;
    if (!take(text, 4, '-', year) || !take(text, 2, '-', month) || !take(text, 2, 0, day))
        return std::nullopt;
    if (!text.starts_with('T') && !text.starts_with('t') && !text.starts_with(' '))
        return std::nullopt;
    text.remove_prefix(1);
    if (!take(text, 2, ':', hour) || !take(text, 2, ':', minute) || !take(text, 2, 0, second))
        return std::nullopt;
    const auto fraction = take_fraction(text);
    const auto offset = take_offset(text);
    const std::chrono::year_month_day date(std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(month), std::chrono::day(day));
    if (!fraction || !offset || !date.ok() || hour > 23 || minute > 59 || second > 60)
        return std::nullopt;
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second) + *fraction - *offset;
}

}  // namespace ballast::admin
