// SPDX-License-Identifier: Apache-2.0
// What FTPS costs through Ballast, with TLS towards the clients only and on both sides, beside
// direct connections, beside mod_proxy, and beside HAProxy and nginx, which cannot look into TLS.
// The clients and the server share the processors with Ballast, and TLS costs them as much. So
// Ballast's own processor time is the steady figure.

#include "support/ftps_targets.h"
#include "support/handshakes.h"
#include "support/measures.h"
#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/transfers.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <vector>

namespace {

using namespace ballast::bench;

std::vector<Measure> measures(const Options& options, Results& results) {
    auto all = transfer_measures(options, direct_tls, results);
    for (const auto version : {TlsVersion::v1_3, TlsVersion::v1_2})
        for (const bool resumes : {true, false})
            all.push_back({"handshakes", [version, resumes, &results](const Target& it) {
                               measure_handshakes(version, resumes, direct_tls, it, results);
                           }});
    all.push_back(
        {"logins", [&results](const Target& it) { measure_logins(direct_tls, it, results); }});
    return all;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options = options_of(
            count, arguments,
            "Measures FTPS through Ballast, HAProxy, nginx, mod_proxy and no balancer in "
            "one\ninterleaved run.",
            {.rounds = 3, .gigabytes = 0.6, .sessions = 500, .seconds = 600});
        const auto machine = prepare(options);
        const FtpsTargets targets(options.targets);
        Results results;
        measure_memory(options, targets.all(), results);
        measure_in_rounds(options, targets.all(), measures(options, results));
        report("ftps", options, machine, targets.all(), results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_ftps: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
