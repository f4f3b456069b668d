// SPDX-License-Identifier: Apache-2.0
#include "migrate/ledger.h"

#include "migrate/contains.h"

#include <algorithm>
#include <array>

namespace ballast::migrate {

namespace {

/// From the one that asks least of the operator.
constexpr auto by_weight = std::to_array<Outcome>(
    {Outcome::left_to_keepalived, Outcome::left_to_haproxy, Outcome::not_needed, Outcome::mapped,
     Outcome::approximated, Outcome::unsupported});
static_assert(by_weight.size() == outcome_count);

auto weight_of(Outcome outcome) { return std::ranges::find(by_weight, outcome); }

}  // namespace

void Ledger::add(const Place& place, const std::string& directive, Outcome outcome,
                 std::string_view text) {
    auto& lines = places_[place];
    const auto known = std::ranges::find(lines, directive, &Line::directive);
    if (known == lines.end())
        lines.push_back({directive, outcome, std::string(text)});
    else if (weight_of(outcome) > weight_of(known->outcome))
        *known = {directive, outcome, std::string(text)};
}

bool Ledger::has_unsupported(const Place& place) const {
    const auto found = places_.find(place);
    return found != places_.end() && contains(found->second, Outcome::unsupported, &Line::outcome);
}

Report Ledger::report() const {
    Report report;
    for (const auto& [place, lines] : places_)
        for (const auto& line : lines) report.add(place, line.directive, line.outcome, line.text);
    return report;
}

}  // namespace ballast::migrate
