// SPDX-License-Identifier: Apache-2.0
#include "metrics/commands.h"

#include "ftp/verb.h"
#include "metrics/per_thread.h"

#include <array>
#include <cassert>
#include <cstddef>

namespace ballast::metrics {

namespace {

/// The place of a class is the first digit of its codes.
constexpr auto classes =
    std::to_array<std::string_view>({"none", "1xx", "2xx", "3xx", "4xx", "5xx", "in_transfer"});
constexpr std::size_t in_transfer = classes.size() - 1;
constexpr std::size_t verbs_max = 127;  // and one row for all others

struct OfCommands;
using Numbers = PerThread<OfCommands, (verbs_max + 1) * classes.size()>;

void count(std::string_view name, std::size_t reply_class) {
    const auto verbs = ftp::verbs();
    assert(verbs.size() <= verbs_max);
    const auto* const verb = ftp::find_verb(name);
    const auto row = verb == nullptr ? verbs.size() : static_cast<std::size_t>(verb - verbs.data());
    Numbers::add(row * classes.size() + reply_class, 1);
}

}  // namespace

void count_command(std::string_view verb, std::uint16_t code) {
    const std::size_t first_digit = code / 100;
    count(verb, first_digit < in_transfer ? first_digit : 0);
}

void count_command_in_transfer(std::string_view verb) { count(verb, in_transfer); }

std::vector<CommandCount> command_counts() {
    const auto totals = Numbers::totals();
    const auto verbs = ftp::verbs();
    std::vector<CommandCount> counts;
    for (std::size_t i = 0; i < totals.size(); ++i) {
        if (totals[i] == 0) continue;
        const auto row = i / classes.size();
        counts.push_back({row < verbs.size() ? verbs[row].name : "other",
                          classes[i % classes.size()], totals[i]});
    }
    return counts;
}

}  // namespace ballast::metrics
