// SPDX-License-Identifier: Apache-2.0
#include "migrate/haproxy_ledger.h"

#include "migrate/place.h"

#include <algorithm>
#include <array>

namespace ballast::migrate::haproxy {

namespace {

/// From the one that asks least of the operator.
constexpr auto by_weight = std::to_array<Outcome>(
    {Outcome::left_to_keepalived, Outcome::left_to_haproxy, Outcome::not_needed, Outcome::mapped,
     Outcome::approximated, Outcome::unsupported});

auto weight_of(Outcome outcome) { return std::ranges::find(by_weight, outcome); }

}  // namespace

void Ledger::add(std::uint32_t line, const std::string& directive, Outcome outcome,
                 std::string_view text) {
    auto& entries = lines_[line];
    const auto known = std::ranges::find(entries, directive, &Entry::directive);
    if (known == entries.end())
        entries.push_back({directive, outcome, std::string(text)});
    else if (weight_of(outcome) > weight_of(known->outcome))
        *known = {directive, outcome, std::string(text)};
}

void Ledger::add(const Line& line, Outcome outcome, std::string_view text) {
    add(line.number, text_of(line), outcome, text);
}

void Ledger::add(const Given& given, Outcome outcome, std::string_view text) {
    add(given.line, given.text(), outcome, text);
}

void Ledger::add(const Given& given) {
    if (given.known == nullptr)
        add(given, Outcome::unsupported, "unknown parameter: HAProxy refuses it as well");
    else if (!given.known->text.empty())
        add(given, given.known->outcome, given.known->text);
}

std::string Ledger::place(std::uint32_t line) const { return to_string(Place{file_, line}); }

Report Ledger::report() const {
    Report report;
    for (const auto& [line, entries] : lines_)
        for (const auto& entry : entries)
            report.add({file_, line}, entry.directive, entry.outcome, entry.text);
    return report;
}

std::string text_of(const Line& line) { return joined(line.words); }

}  // namespace ballast::migrate::haproxy
