// SPDX-License-Identifier: Apache-2.0
// What Ballast costs, beside direct connections, beside a minimal relay, and beside HAProxy if it
// is installed. The targets take turns, round by round: on a shared machine only figures of the
// same time can be compared. Processor time is steadier than speed.

#include "support/measures.h"
#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/targets.h"
#include "support/transfers.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>

namespace {

using namespace ballast::bench;

void measure(const Options& options, const Targets& targets, Results& results) {
    const Transfers downloads{.direction = Direction::download,
                              .streams = 4,
                              .bytes = static_cast<std::size_t>(options.gigabytes * 1e9)};
    // Memory first: a process that has worked before holds memory that it does not need.
    if (options.has("idle"))
        for (const auto& target : targets.all())
            measure_idle_sessions(target, options.sessions, results);
    measure_in_rounds(
        options, targets.all(),
        {{"downloads",
          [&](const Target& it) { measure_transfers(downloads, "bare relay", it, results); }},
         {"commands", [&](const Target& it) { measure_commands(it, results); }},
         {"logins", [&](const Target& it) { measure_logins("direct", it, results); }},
         {"files", [&](const Target& it) { measure_files(it, results); }}});
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options =
            options_of(count, arguments,
                       "Measures Ballast, a bare splice relay, HAProxy and no balancer in one "
                       "interleaved run.",
                       {.rounds = 5, .gigabytes = 2, .sessions = 1000, .seconds = 60});
        prepare(options);
        const Targets targets(options.targets);
        Results results;
        measure(options, targets, results);
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_compare: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
