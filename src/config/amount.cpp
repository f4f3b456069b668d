// SPDX-License-Identifier: Apache-2.0
#include "config/amount.h"

#include "base/number.h"
#include "config/spelling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <span>
#include <vector>

namespace ballast::config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// From small to large.
constexpr std::array<Unit, 4> duration_units = {{
    {"ms", 1},
    {"s", 1000},
    {"m", 60'000},
    {"h", 3'600'000},
}};
constexpr std::array<Unit, 7> size_units = {{
    {"B", 1},
    {"KB", 1000},
    {"KiB", 1 << 10},
    {"MB", 1'000'000},
    {"MiB", 1 << 20},
    {"GB", 1'000'000'000},
    {"GiB", 1 << 30},
}};

struct RateUnit {
    std::string_view name;
    double seconds;
};
constexpr std::array<RateUnit, 3> rate_units = {{{"/s", 1}, {"/min", 60}, {"/h", 3600}}};
constexpr std::size_t rate_decimals = 3;
constexpr double rate_scale = 1000;

/// Far above every setting's range, and far below an overflow.
constexpr std::uint64_t amount_max = std::uint64_t{1} << 52;

std::string unit_names(std::span<const Unit> units) {
    std::vector<std::string_view> names;
    for (const auto& unit : units) names.push_back(unit.name);
    return listed(names);
}

bool is_digit(char c) { return '0' <= c && c <= '9'; }

/// ".5h", the rest behind the whole number of "1.5h".
bool is_fraction(std::string_view rest) {
    return rest.size() > 1 && (rest[0] == '.' || rest[0] == ',') && is_digit(rest[1]);
}
/// "h30m", the rest behind the whole number of "1h30m".
bool has_further_number(std::string_view rest) { return std::ranges::any_of(rest, is_digit); }

std::expected<std::uint64_t, Refusal> parse_amount(std::string_view text,
                                                   std::span<const Unit> units,
                                                   std::string_view noun,
                                                   std::string_view example) {
    const auto digits_end = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto digits = text.substr(0, digits_end);
    const auto unit_name = text.substr(digits_end);
    if (digits.empty())
        return std::unexpected(
            Refusal{fmt::format("{} is not a {}", in_quotes(text), noun),
                    fmt::format("write a whole number and a unit ({}), such as \"{}\"",
                                unit_names(units), example)});
    if (unit_name.empty())
        return std::unexpected(
            Refusal{fmt::format("{} has no unit", in_quotes(text)),
                    fmt::format("add {}, as in \"{}\"", unit_names(units), example)});
    const auto unit = std::ranges::find(units, unit_name, &Unit::name);
    if (unit == units.end() && is_fraction(unit_name))
        return std::unexpected(
            Refusal{fmt::format("{} is not a whole number", in_quotes(text)),
                    fmt::format("write a whole number in a smaller unit ({}), as in \"{}\"",
                                unit_names(units), noun == "duration" ? "90m" : "1536KiB")});
    if (unit == units.end() && has_further_number(unit_name))
        return std::unexpected(
            Refusal{fmt::format("{} is more than one number", in_quotes(text)),
                    fmt::format("write one whole number and one unit ({}), as in \"{}\"",
                                unit_names(units), noun == "duration" ? "90s" : "1536KiB")});
    if (unit == units.end())
        return std::unexpected(Refusal{
            fmt::format("{} is not a unit of a {}", in_quotes(unit_name), noun),
            fmt::format("write a whole number and {}, as in \"{}\"", unit_names(units), example)});
    const auto number = base::parse_number<std::uint64_t>(digits);
    if (!number || *number > amount_max / unit->factor)
        return std::unexpected(
            Refusal{fmt::format("{} is too large", in_quotes(text)), "use a smaller number"});
    return *number * unit->factor;
}

std::string amount_text(std::uint64_t amount, std::span<const Unit> units, const Unit& of_zero) {
    const Unit* best = amount == 0 ? &of_zero : &units.front();
    for (const auto& unit : units)
        if (amount != 0 && amount % unit.factor == 0) best = &unit;
    return fmt::format("{}{}", amount / best->factor, best->name);
}

std::unexpected<Refusal> no_rate(std::string_view text, std::string_view what,
                                 std::string_view fix) {
    return std::unexpected(Refusal{fmt::format("{} {}", in_quotes(text), what), std::string(fix)});
}

/// "500" as thousandths of "0.500", "5" as those of "0.5".
std::uint32_t thousandths(std::string_view decimals) {
    std::string padded(decimals);
    padded.resize(rate_decimals, '0');
    return base::parse_number<std::uint32_t>(padded).value_or(0);
}

}  // namespace

std::expected<Duration, Refusal> parse_duration(std::string_view text) {
    const auto amount = parse_amount(text, duration_units, "duration", "5s");
    if (!amount) return std::unexpected(amount.error());
    return Duration(static_cast<Duration::rep>(*amount));
}

std::expected<std::size_t, Refusal> parse_size(std::string_view text) {
    return parse_amount(text, size_units, "size", "8KiB");
}

std::expected<double, Refusal> parse_rate(std::string_view text) {
    constexpr std::string_view digits = "0123456789";
    if (text == "off") return 0;
    const auto whole = text.substr(0, text.find_first_not_of(digits));
    auto rest = text.substr(whole.size());
    if (whole.empty())
        return no_rate(text, "is not a rate",
                       "write a number and a unit (/s, /min or /h), such as \"10/s\"");
    if (rest.starts_with(','))
        return no_rate(text, "has a comma", "write a point before the decimals, as in \"0.5/s\"");
    std::string_view decimals;
    if (rest.starts_with('.')) {
        decimals = rest.substr(1, rest.find_first_not_of(digits, 1) - 1);
        rest.remove_prefix(1 + decimals.size());
    }
    if (decimals.size() > rate_decimals)
        return no_rate(text, "has more than three decimals",
                       "use fewer, or a longer unit (/min or /h)");
    if (rest.empty()) return no_rate(text, "has no unit", "add /s, /min or /h, as in \"10/s\"");
    const auto* const unit = std::ranges::find(rate_units, rest, &RateUnit::name);
    if (unit == rate_units.end())
        return no_rate(rest, "is not a unit of a rate",
                       "write a number and /s, /min or /h, as in \"10/s\"");
    const auto number = base::parse_number<std::uint32_t>(whole);
    if (!number) return no_rate(text, "is too large", "use a smaller number");
    return (*number + thousandths(decimals) / rate_scale) / unit->seconds;
}

std::string duration_text(Duration duration) {
    return amount_text(static_cast<std::uint64_t>(duration.count()), duration_units,
                       duration_units[1]);
}

std::string size_text(std::size_t bytes) { return amount_text(bytes, size_units, size_units[0]); }

std::string rate_text(double per_second) {
    if (per_second == 0) return "off";
    // What is left is the error of a division by 60.
    constexpr double negligible = 1e-12;
    const auto is_exact = [&](const RateUnit& unit) {
        const auto scaled = per_second * unit.seconds * rate_scale;
        return std::abs(scaled - std::round(scaled)) < negligible * std::max(1.0, scaled);
    };
    const auto* unit = std::ranges::find_if(rate_units, is_exact);
    if (unit == rate_units.end()) unit = &rate_units.back();
    const auto scaled = std::round(per_second * unit->seconds * rate_scale);
    return fmt::format("{}{}", scaled / rate_scale, unit->name);
}

}  // namespace ballast::config
