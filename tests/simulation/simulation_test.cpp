// SPDX-License-Identifier: Apache-2.0
// Sessions, probes, reloads and drains on a network in memory. Each seed makes one life; the same
// seed makes the same one. `./run simulate` runs thousands, or one of them alone.
#include "metrics/counters.h"
#include "simulation/life.h"

#include <cstdint>
#include <cstdlib>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

namespace ballast::simulation {
namespace {

constexpr std::uint64_t seeds_by_default = 200;

std::uint64_t number_in(const char* variable, std::uint64_t otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : std::stoull(text);
}

std::uint64_t digest_of(std::uint64_t seed) {
    Life life(seed, false);
    life.run();
    return life.digest();
}

/// What has happened in all lives. Lives without events would prove nothing.
void tell(std::uint64_t lives) {
    using metrics::Counter;
    const auto whole = metrics::total(Counter::transfers_whole);
    fmt::print(
        "{} lives: {} sessions, {} logins; transfers: {} whole, {} failed, {} aborted, {} refused; "
        "backends failed {} logins and {} sessions; {} sessions queued, {} fell back; "
        "{} probes passed, {} failed; {} sessions outlived a backend, {} moved away from one, {} "
        "could not; {} downloads went on, {} + {} + {} could not\n",
        lives, metrics::total(Counter::sessions_accepted), metrics::total(Counter::logins), whole,
        metrics::total(Counter::transfers_failed), metrics::total(Counter::transfers_aborted),
        metrics::total(Counter::transfers_refused),
        metrics::total(Counter::backend_attempts_failed),
        metrics::total(Counter::backend_connections_lost), metrics::total(Counter::sessions_queued),
        metrics::total(Counter::sessions_fallen_back), metrics::total(Counter::probes_passed),
        metrics::total(Counter::probes_failed), metrics::total(Counter::sessions_moved_lost),
        metrics::total(Counter::sessions_moved_down) +
            metrics::total(Counter::sessions_moved_drained) +
            metrics::total(Counter::sessions_moved_disabled) +
            metrics::total(Counter::sessions_moved_rebalanced),
        metrics::total(Counter::sessions_not_moved), metrics::total(Counter::transfers_resumed),
        metrics::total(Counter::transfers_without_other_backend),
        metrics::total(Counter::transfers_that_differ),
        metrics::total(Counter::transfers_not_resumable));
    if (lives == 1) return;
    EXPECT_GT(whole, lives);
    EXPECT_GT(metrics::total(Counter::sessions_moved_lost), lives / 4);
    EXPECT_GT(metrics::total(Counter::transfers_resumed), lives / 100);
}

/// BALLAST_SEED=N runs that life alone and shows it. BALLAST_SEEDS=N runs the first N.
TEST(Simulation, keeps_every_promise_whatever_happens) {
    const auto only = number_in("BALLAST_SEED", 0);
    const auto last = only != 0 ? only : number_in("BALLAST_SEEDS", seeds_by_default);
    for (std::uint64_t seed = only != 0 ? only : 1; seed <= last; ++seed) {
        SCOPED_TRACE(fmt::format("to see it again: ./run simulate --seed {}", seed));
        Life life(seed, only != 0);
        life.run();
        if (HasFailure()) return;  // the first is enough to look at
    }
    tell(only != 0 ? 1 : last);
}

TEST(Simulation, the_same_seed_makes_the_same_life) {
    const auto first = number_in("BALLAST_SEED", 7);
    for (std::uint64_t seed = first; seed < first + 3; ++seed) {
        SCOPED_TRACE(fmt::format("./run simulate --seed {}", seed));
        EXPECT_EQ(digest_of(seed), digest_of(seed));
        EXPECT_NE(digest_of(seed), digest_of(seed + 1));
    }
}

}  // namespace
}  // namespace ballast::simulation
