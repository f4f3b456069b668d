// SPDX-License-Identifier: Apache-2.0
// Balancers that share a store which fails in every way. Each seed makes one life. `./run simulate`
// runs thousands.
#include "simulation/fleet_life.h"

#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace ballast::simulation {
namespace {

constexpr std::uint64_t seeds_by_default = 10;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoull(text);
}

/// BALLAST_SEED=N runs that life alone and shows it. BALLAST_SEEDS=N runs the first N.
TEST(FleetSimulation, nodes_agree_whatever_happens_to_their_store) {
    const auto only = number_in("BALLAST_SEED", 0);
    const auto last = only != 0 ? only : number_in("BALLAST_SEEDS", seeds_by_default);
    FleetLife::Tally all;
    for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
        SCOPED_TRACE(fmt::format("to see it again: ./run simulate --seed {}", seed));
        FleetLife life(seed, only != 0);
        life.run();
        if (HasFailure()) return;  // the first is enough to look at
        const auto& tally = life.tally();
        all.sessions += tally.sessions;
        all.refused += tally.refused;
        all.exceeded += tally.exceeded;
        all.exceeded_in_calm += tally.exceeded_in_calm;
        all.decisions_checked += tally.decisions_checked;
        all.forgotten_checked += tally.forgotten_checked;
        all.bans_checked += tally.bans_checked;
        all.lifts_checked += tally.lifts_checked;
        all.deaths += tally.deaths;
        all.wipes += tally.wipes;
    }
    fmt::print(
        "{} lives of fleets: {} sessions, {} refused, {} above the limit ({} of them in calm), {} "
        "deaths, {} wipes; checked: {} decisions, {} forgotten clients, {} bans, {} lifted bans\n",
        only != 0 ? 1 : last, all.sessions, all.refused, all.exceeded, all.exceeded_in_calm,
        all.deaths, all.wipes, all.decisions_checked, all.forgotten_checked, all.bans_checked,
        all.lifts_checked);
    if (only != 0 || last < seeds_by_default) return;
    EXPECT_GT(all.refused, last);
    EXPECT_GT(all.exceeded, last);
    EXPECT_GT(all.decisions_checked, last);
    EXPECT_GT(all.forgotten_checked, last);
    EXPECT_GT(all.bans_checked, last);
    EXPECT_GT(all.lifts_checked, last);
}

}  // namespace
}  // namespace ballast::simulation
