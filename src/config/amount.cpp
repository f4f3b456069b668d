// SPDX-License-Identifier: Apache-2.0
#include "config/amount.h"

#include "base/number.h"
#include "config/spelling.h"

#include <algorithm>
#include <array>
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

}  // namespace

std::expected<Duration, Refusal> parse_duration(std::string_view text) {
    const auto amount = parse_amount(text, duration_units, "duration", "5s");
    if (!amount) return std::unexpected(amount.error());
    return Duration(static_cast<Duration::rep>(*amount));
}

std::expected<std::size_t, Refusal> parse_size(std::string_view text) {
    return parse_amount(text, size_units, "size", "8KiB");
}

std::string duration_text(Duration duration) {
    return amount_text(static_cast<std::uint64_t>(duration.count()), duration_units,
                       duration_units[1]);
}

std::string size_text(std::size_t bytes) { return amount_text(bytes, size_units, size_units[0]); }

}  // namespace ballast::config
