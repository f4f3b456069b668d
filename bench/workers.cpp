// SPDX-License-Identifier: Apache-2.0
// What a second worker gives, in one interleaved run with one: many transfers, many sessions, and
// two downloads whose sessions belong to one worker or to two.

#include "support/balancers.h"
#include "support/ftp_client.h"
#include "support/measures.h"
#include "support/meter.h"
#include "support/options.h"
#include "support/results.h"
#include "support/rivals.h"
#include "support/run.h"
#include "support/server.h"
#include "support/transfers.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <fmt/format.h>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace ballast::bench;

std::vector<Target> targets_of(TargetOptions options, const Server& server) {
    const std::uint16_t back = server.sockets.control.port();
    std::vector<Target> all;
    all.push_back({.name = std::string(direct), .door = {.port = back}});
    for (const unsigned threads : {1U, 2U}) {
        options.threads = threads;
        const auto plural = threads == 1 ? "" : "s";
        const Passage passage{.back = back};
        all.push_back({.name = fmt::format("ballast, {} worker{}", threads, plural),
                       .role = Role::ballast,
                       .process = start_ballast(options, server.certificate, {passage}),
                       .door = {.port = passage.front}});
        if (!options.has_haproxy()) continue;
        const Host host = free_host();
        all.push_back({.name = fmt::format("haproxy, tuned, {} thread{}", threads, plural),
                       .role = Role::rival,
                       .process = start_haproxy(options, HaproxyForm::best, back, host),
                       .door = {.port = back, .host = host}});
    }
    return all;
}

/// The part of the processor time that the busiest thread has had.
double busiest_part(const std::vector<std::chrono::duration<double>>& before,
                    const std::vector<std::chrono::duration<double>>& after) {
    std::vector<double> used(std::min(before.size(), after.size()));
    for (std::size_t i = 0; i < used.size(); ++i) used[i] = (after[i] - before[i]).count();
    return std::ranges::max(used) / std::accumulate(used.begin(), used.end(), 0.0);
}

/// Two downloads. Ballast gives a new session to the worker with the least load, so the first and
/// the third session have the same one.
void measure_two_downloads(std::size_t second, std::string_view what, std::size_t bytes,
                           const Target& target, Results& results) {
    if (target.role != Role::ballast) return;
    std::deque<FtpClient> sessions;
    std::deque<Connection> data;
    for (std::size_t i = 0; i < 3; ++i) {
        auto& session = sessions.emplace_back(target.door);
        session.log_in();
        session.send_binary();
        data.push_back(session.open_data());
    }
    const auto before = target.process->thread_cpu_times();
    const Meter meter(target);
    const std::size_t moved = sum_side_by_side(2, [&](std::size_t i) {
        const std::size_t which = i == 0 ? 0 : second;
        const std::size_t half = bytes / 2;
        sessions[which].retrieve(fmt::format("/{}", half), half, std::move(data[which]));
        return half;
    });
    results.add(fmt::format("2 downloads, {}, GB/s", what), "", target.name,
                static_cast<double>(moved) / 1e9 / meter.seconds(), Better::more);
    results.add(fmt::format("2 downloads, {}, the busiest thread's part of the CPU", what), "",
                target.name, busiest_part(before, target.process->thread_cpu_times()));
}

std::vector<Measure> measures(const Options& options, Results& results) {
    const auto bytes = static_cast<std::size_t>(options.gigabytes * 1e9);
    std::vector<Measure> all;
    for (const auto direction : {Direction::download, Direction::upload}) {
        const Transfers transfers{.direction = direction, .streams = 16, .bytes = bytes};
        all.push_back({"workers", [transfers, &results](const Target& it) {
                           measure_transfers(transfers, direct, it, results);
                       }});
    }
    all.push_back({"workers", [&results](const Target& it) { measure_commands(64, it, results); }});
    for (const auto& [second, what] :
         {std::pair(2U, "sessions of one worker"), std::pair(1U, "of two workers")})
        all.push_back({"workers", [second, what, bytes, &results](const Target& it) {
                           measure_two_downloads(second, what, bytes, it, results);
                       }});
    return all;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options =
            options_of(count, arguments, "Measures one worker beside two, in one run.",
                       {.rounds = 5, .gigabytes = 2, .seconds = 120});
        if (!options.has("workers")) return EXIT_SUCCESS;
        const auto machine = prepare(options);
        const Server server(options.targets.origin);
        const auto targets = targets_of(options.targets, server);
        Results results;
        measure_in_rounds(options, targets, measures(options, results));
        report("workers", options, machine, targets, results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_workers: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
