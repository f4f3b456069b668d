// SPDX-License-Identifier: Apache-2.0
#include "support/measures.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <deque>
#include <fmt/format.h>
#include <vector>

namespace ballast::bench {

namespace {

constexpr int commands_per_round = 4000;

}  // namespace

void measure_commands(const Target& target, Results& results) {
    if (target.door.port == 0) return;
    FtpClient client(target.door);
    client.log_in();
    for (int i = 0; i < commands_per_round / 10; ++i) client.no_operation();
    std::vector<double> microseconds;
    const Meter meter(target);
    for (int i = 0; i < commands_per_round; ++i) {
        const auto begin = Meter::Clock::now();
        client.no_operation();
        microseconds.push_back(Meter::Seconds(Meter::Clock::now() - begin).count() * 1e6);
    }
    const double cpu = meter.cpu_seconds();
    results.add("NOOP round trip, p50, us", "direct", target.name, median(microseconds));
    results.add("NOOP round trip, p99, us", "direct", target.name, quantile(microseconds, 0.99));
    if (meter.has_cpu())
        results.add("NOOP, own CPU, us each", "", target.name, cpu / commands_per_round * 1e6);
    client.quit();
}

void measure_logins(std::string_view baseline, const Target& target, Results& results) {
    if (target.door.port == 0) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side(clients, [&](std::size_t) {
        return repeat([&] {
            FtpClient client(target.door);
            client.log_in();
            client.quit();
        });
    });
    add_rate("Log-in and quit", baseline, target, times, meter, results);
}

void measure_files(const Target& target, Results& results) {
    if (!target.carries_data) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side(clients, [&](std::size_t) {
        FtpClient client(target.door);
        client.log_in();
        client.send_binary();
        // Each file has another name, as in a directory that is mirrored.
        std::size_t number = 0;
        const std::size_t files = repeat(
            [&] { client.retrieve(fmt::format("/4K.{}", number++), 4096, client.open_data()); });
        client.quit();
        return files;
    });
    add_rate("Files of 4 KiB", "direct", target, times, meter, results);
}

void measure_idle_sessions(const Target& target, std::size_t sessions, Results& results) {
    if (target.door.port == 0 || !target.process) return;
    // Do not count memory that all sessions share.
    std::deque<FtpClient> open;
    const auto open_one = [&] { open.emplace_back(target.door).log_in(); };
    for (int i = 0; i < 4; ++i) open_one();
    const std::size_t before = target.process->resident_bytes();
    for (std::size_t i = 0; i < sessions; ++i) open_one();
    const std::size_t after = target.process->resident_bytes();
    results.add(fmt::format("Memory of an idle session (of {}), KiB", sessions), "", target.name,
                (static_cast<double>(after) - static_cast<double>(before)) /
                    static_cast<double>(sessions) / 1024);
}

}  // namespace ballast::bench
