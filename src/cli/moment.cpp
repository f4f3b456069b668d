// SPDX-License-Identifier: Apache-2.0
#include "cli/moment.h"

#include "cli/amounts.h"

#include <charconv>
#include <cstdint>
#include <ctime>
#include <system_error>

namespace ballast::cli {

namespace {

/// Takes digits, and the character behind them, from the front.
std::optional<int> take(std::string_view& text, std::size_t digits, char behind) {
    int number = 0;
    if (text.size() <= digits || text[digits] != behind) return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
    if (error != std::errc() || end != text.data() + digits || number < 0) return std::nullopt;
    text.remove_prefix(digits + 1);
    return number;
}

}  // namespace

std::optional<Moment> moment_of(std::string_view text) {
    using namespace std::chrono;
    const auto y = take(text, 4, '-');
    const auto m = y ? take(text, 2, '-') : std::nullopt;
    const auto d = m ? take(text, 2, 'T') : std::nullopt;
    const auto hour = d ? take(text, 2, ':') : std::nullopt;
    const auto minute = hour ? take(text, 2, ':') : std::nullopt;
    if (!minute) return std::nullopt;
    const bool has_fraction = text.size() > 2 && text[2] == '.';
    const auto second = take(text, 2, has_fraction ? '.' : 'Z');
    const auto fraction = has_fraction ? take(text, 3, 'Z') : std::optional(0);
    const year_month_day date(year(*y), month(static_cast<unsigned>(*m)),
                              day(static_cast<unsigned>(*d)));
    if (!second || !fraction || !text.empty() || !date.ok()) return std::nullopt;
    return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second) +
           milliseconds(*fraction);
}

std::string age_text(std::string_view moment, Moment now) {
    const auto then = moment_of(moment);
    if (!then) return {};
    return span_text(std::chrono::duration_cast<std::chrono::seconds>(now - *then));
}

namespace {

/// "90s", "15m", "2h", "3d"
std::optional<std::chrono::seconds> span_of(std::string_view said) {
    using namespace std::chrono;
    if (said.size() < 2) return std::nullopt;
    std::uint32_t number = 0;
    const auto* const end = said.data() + said.size() - 1;
    const auto [stopped, error] = std::from_chars(said.data(), end, number);
    if (error != std::errc() || stopped != end) return std::nullopt;
    switch (said.back()) {
        case 's': return seconds(number);
        case 'm': return minutes(number);
        case 'h': return hours(number);
        case 'd': return days(number);
        default: return std::nullopt;
    }
}

std::optional<Moment> local_moment(std::tm fields) {
    fields.tm_isdst = -1;
    const auto seconds = std::mktime(&fields);
    if (seconds == -1) return std::nullopt;
    return std::chrono::floor<std::chrono::milliseconds>(
        std::chrono::system_clock::from_time_t(seconds));
}

/// Reads a whole text by this format of strptime(3).
bool fits(const std::string& text, const char* format, std::tm& fields) {
    const auto* const end = ::strptime(text.c_str(), format, &fields);
    return end != nullptr && *end == '\0';
}

}  // namespace

std::optional<Moment> moment_meant(std::string_view said, Moment now) {
    if (const auto span = span_of(said)) return now - *span;
    const std::string text(said);
    const auto seconds = std::chrono::system_clock::to_time_t(now);
    std::tm today{};
    ::localtime_r(&seconds, &today);
    for (const auto* const format : {"%H:%M", "%H:%M:%S"}) {
        auto fields = today;
        fields.tm_sec = 0;
        if (!fits(text, format, fields)) continue;
        const auto moment = local_moment(fields);
        if (!moment || *moment <= now) return moment;
        --fields.tm_mday;  // mktime makes a date of it
        return local_moment(fields);
    }
    for (const auto* const format : {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"}) {
        std::tm fields{};
        if (fits(text, format, fields)) return local_moment(fields);
    }
    return std::nullopt;
}

Moment now() {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace ballast::cli
