// SPDX-License-Identifier: Apache-2.0
// What Ballast costs, beside direct connections, beside a minimal relay, and beside the balancers
// that others use. The targets take turns, round by round: on a shared machine only figures of the
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
#include <vector>

namespace {

using namespace ballast::bench;

std::vector<Measure> measures(const Options& options, Results& results) {
    auto all = transfer_measures(options, direct, results);
    for (const std::size_t kibibytes : {4U, 256U})
        all.push_back({"files", [kibibytes, &results](const Target& it) {
                           measure_files(kibibytes, it, results);
                       }});
    all.push_back(
        {"logins", [&results](const Target& it) { measure_logins(direct, it, results); }});
    for (const std::size_t sessions : {1U, 16U, 64U})
        all.push_back({"commands", [sessions, &results](const Target& it) {
                           measure_commands(sessions, it, results);
                       }});
    all.push_back({"fairness", [&results](const Target& it) { measure_fairness(it, results); }});
    all.push_back({"crowd", [&](const Target& it) {
                       measure_commands_among_idle(options.sessions, it, results);
                   }});
    return all;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options =
            options_of(count, arguments,
                       "Measures Ballast, a bare splice relay, HAProxy in three forms, nginx, "
                       "mod_proxy\nand no balancer in one interleaved run.",
                       {.rounds = 3, .gigabytes = 2, .sessions = 5000, .seconds = 1200});
        const auto machine = prepare(options);
        const Targets targets(options.targets, options.is_quick ? Variants::usual : Variants::all);
        Results results;
        measure_memory(options, targets.all(), results);
        measure_in_rounds(options, targets.all(), measures(options, results));
        report("compare", options, machine, targets.all(), results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_compare: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
