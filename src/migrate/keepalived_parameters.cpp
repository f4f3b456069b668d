// SPDX-License-Identifier: Apache-2.0
#include "migrate/keepalived_parameters.h"

#include "base/ascii.h"
#include "base/number.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

namespace ballast::migrate {

namespace {

constexpr bool is_letter(char c) {
    return ('a' <= base::to_lower(c) && base::to_lower(c) <= 'z') || c == '_';
}
constexpr bool is_digit(char c) { return '0' <= c && c <= '9'; }

/// The length of the name at the front; 0 if there is none.
std::size_t name_length(std::string_view text) {
    if (text.empty() || !is_letter(text.front())) return 0;
    const auto* const end =
        std::ranges::find_if_not(text, [](char c) { return is_letter(c) || is_digit(c); });
    return static_cast<std::size_t>(end - text.begin());
}

}  // namespace

std::optional<Definition> definition_in(std::string_view line) {
    if (!line.starts_with('$')) return std::nullopt;
    const auto length = name_length(line.substr(1));
    if (length == 0 || line.substr(1 + length, 1) != "=") return std::nullopt;
    return Definition{std::string(line.substr(1, length)),
                      std::string(base::trimmed(line.substr(length + 2)))};
}

std::optional<std::string> Parameters::value_of(std::string_view name) {
    if (const auto found = values_.find(name); found != values_.end()) return found->second;
    if (name == "_PWD") return folder_;
    if (name == "_INSTANCE") return built_ins_.instance;
    if (name == "_HASH") return "#";
    if (name == "_BANG") return "!";
    const auto blank = std::min(name.find(' '), name.size());
    const auto argument = base::trimmed(name.substr(blank));
    if (name.substr(0, blank) == "_ENV" && !argument.empty())
        return built_ins_.variable(std::string(argument));
    if (name.substr(0, blank) == "_RANDOM") {
        is_random_ = true;
        const auto least = argument.substr(0, argument.find(' '));
        return least.empty() ? "0" : std::string(least);
    }
    return std::nullopt;
}

std::optional<Parameters::Replaced> Parameters::replace_one(std::string_view line,
                                                            std::size_t from) {
    for (auto at = line.find('$', from); at != std::string_view::npos;
         at = line.find('$', at + 1)) {
        const auto rest = line.substr(at + 1);
        std::string_view name;
        std::size_t length = 0;  // of "$NAME" or "${NAME}"
        if (rest.starts_with('{')) {
            const auto end = rest.find('}');
            if (end == std::string_view::npos) continue;
            name = rest.substr(1, end - 1);
            length = end + 2;
        } else {
            name = rest.substr(0, name_length(rest));
            length = name.size() + 1;
            const bool ends =
                length == line.size() - at || base::blanks.contains(line[at + length]);
            if (name.empty() || !ends) continue;
        }
        if (const auto value = value_of(name))
            return Replaced{
                fmt::format("{}{}{}", line.substr(0, at), *value, line.substr(at + length)), at};
    }
    return std::nullopt;
}

namespace {

/// The parts between commas that are outside of braces.
std::vector<std::string_view> parts_of(std::string_view text) {
    std::vector<std::string_view> parts;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i <= text.size(); ++i) {
        const bool is_end = i == text.size();
        if (!is_end && text[i] == '{') ++depth;
        if (!is_end && text[i] == '}') --depth;
        if (!is_end && (text[i] != ',' || depth > 0)) continue;
        parts.push_back(base::trimmed(text.substr(begin, i - begin)));
        begin = i + 1;
    }
    return parts;
}

/// "{a, b}": a and b. "a": a.
std::vector<std::string_view> members_of(std::string_view part) {
    if (part.starts_with('{') && part.ends_with('}') && part.size() >= 2)
        return parts_of(part.substr(1, part.size() - 2));
    return {part};
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative) text.remove_prefix(1);
    const bool is_hex = text.starts_with("0x") || text.starts_with("0X");
    if (is_hex) text.remove_prefix(2);
    std::uint32_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, number, is_hex ? 16 : 10);
    if (error != std::errc() || stopped != end) return std::nullopt;
    return is_negative ? -std::int64_t{number} : std::int64_t{number};
}

using Rounds = std::vector<Sequence::Assignments>;
using RoundsOrError = std::expected<Rounds, std::string>;

RoundsOrError numbers(const std::vector<std::string_view>& parts, bool is_hex,
                      std::size_t rounds_max) {
    std::vector<std::int64_t> said;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto number = whole_number(parts[i]);
        if (!number) return std::unexpected(fmt::format("'{}' is not a number", parts[i]));
        said.push_back(*number);
    }
    if (said.empty() || said.size() > 3) return std::unexpected("it has one to three numbers");
    const auto end = said.back();
    const auto start = said.size() > 1 ? said.front() : (end > 0 ? 1 : -1);
    const auto step = said.size() > 2 ? said[1] : (end >= start ? 1 : -1);
    if (step == 0) return std::unexpected("a step of 0 never ends");
    Rounds rounds;
    for (auto number = start; step > 0 ? number <= end : number >= end; number += step) {
        if (rounds.size() == rounds_max)
            return std::unexpected(fmt::format("it has more than {} rounds", rounds_max));
        rounds.push_back({{std::string(parts[0]),
                           is_hex ? fmt::format("{:x}", number) : fmt::to_string(number)}});
    }
    return rounds;
}

RoundsOrError lists(const std::vector<std::string_view>& parts) {
    const auto names = members_of(parts[0]);
    Rounds rounds;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const auto values =
            names.size() > 1 ? members_of(parts[i]) : std::vector<std::string_view>{parts[i]};
        if (values.size() != names.size())
            return std::unexpected(fmt::format("'{}' has not one value for each name", parts[i]));
        Sequence::Assignments round;
        for (std::size_t each = 0; each < names.size(); ++each)
            round.push_back({std::string(names[each]), std::string(values[each])});
        rounds.push_back(std::move(round));
    }
    if (rounds.empty()) return std::unexpected("it has no values");
    return rounds;
}

}  // namespace

std::expected<std::optional<Sequence>, std::string> sequence_in(std::string_view line,
                                                                std::size_t rounds_max) {
    const bool is_list = line.starts_with("~LST(");
    const bool is_hex = line.starts_with("~SEQx(");
    if (!is_list && !is_hex && !line.starts_with("~SEQ(")) return std::nullopt;
    const auto open = line.find('(');
    const auto close = line.find(')');
    if (close == std::string_view::npos) return std::unexpected("its ) is missing");
    const auto parts = parts_of(line.substr(open + 1, close - open - 1));
    for (const auto name : members_of(parts[0]))
        if (name.empty() || name_length(name) != name.size())
            return std::unexpected(fmt::format("'{}' is not a name", name));
    auto rounds = is_list ? lists(parts) : numbers(parts, is_hex, rounds_max);
    if (!rounds) return std::unexpected(rounds.error());
    return Sequence{std::move(*rounds), base::trimmed(line.substr(close + 1))};
}

}  // namespace ballast::migrate
