// SPDX-License-Identifier: Apache-2.0
// What FTPS costs through Ballast, with TLS towards the clients only and on both sides, beside
// direct connections and beside HAProxy, which cannot look into TLS. The clients and the server
// share the processors with Ballast, and TLS costs them as much. So Ballast's own processor time is
// the steady figure.

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
    std::vector<Measure> all;
    const auto add_transfers = [&](Direction direction, std::string_view name) {
        for (const std::size_t streams : {1U, 4U, 16U}) {
            const Transfers transfers{.direction = direction,
                                      .streams = streams,
                                      .bytes = static_cast<std::size_t>(options.gigabytes * 1e9)};
            all.push_back({name, [transfers, &results](const Target& it) {
                               measure_transfers(transfers, direct_tls, it, results);
                           }});
        }
    };
    add_transfers(Direction::download, "downloads");
    add_transfers(Direction::upload, "uploads");
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
        const Options options =
            options_of(count, arguments,
                       "Measures FTPS through Ballast, HAProxy and no balancer in one interleaved "
                       "run.",
                       {.rounds = 7, .gigabytes = 0.3, .sessions = 500, .seconds = 240});
        prepare(options);
        const FtpsTargets targets(options.targets);
        Results results;
        // Memory first: a process that has worked before holds memory that it does not need.
        if (options.has("idle"))
            for (const auto& target : targets.all())
                measure_idle_sessions(target, options.sessions, results);
        measure_in_rounds(options, targets.all(), measures(options, results));
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_ftps: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
