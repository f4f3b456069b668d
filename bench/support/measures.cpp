// SPDX-License-Identifier: Apache-2.0
#include "support/measures.h"

#include "support/ftp_client.h"
#include "support/meter.h"

#include <algorithm>
#include <deque>
#include <fmt/format.h>
#include <string>
#include <vector>

namespace ballast::bench {

namespace {

/// Sessions that are logged in.
class Sessions {
public:
    explicit Sessions(const Target& target) : target_(target) {}

    void open(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) open_.emplace_back(target_.door).log_in();
    }
    [[nodiscard]] std::size_t count() const { return open_.size(); }
    FtpClient& operator[](std::size_t which) { return open_[which]; }

private:
    const Target& target_;
    std::deque<FtpClient> open_;
};

std::vector<double> joined(const std::vector<std::vector<double>>& parts) {
    std::vector<double> all;
    for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
    return all;
}

/// The first `busy` sessions send commands.
void measure_round_trips(std::string_view what, std::size_t busy, Sessions& sessions,
                         const Target& target, Results& results) {
    constexpr int warming_commands = 200;
    for (int i = 0; i < warming_commands; ++i)
        sessions[static_cast<std::size_t>(i) % busy].no_operation();
    std::vector<std::vector<double>> microseconds(busy);
    const Meter meter(target);
    const std::size_t times = sum_side_by_side(busy, [&](std::size_t which) {
        return repeat([&] {
            const auto begin = Meter::Clock::now();
            sessions[which].no_operation();
            microseconds[which].push_back(Meter::Seconds(Meter::Clock::now() - begin).count() *
                                          1e6);
        });
    });
    add_rate(what, direct, target, times, meter, results);
    const auto all = joined(microseconds);
    results.add(fmt::format("{}, p50, us", what), direct, target.name, median(all));
    results.add(fmt::format("{}, p99, us", what), direct, target.name, quantile(all, 0.99));
}

}  // namespace

void measure_commands(std::size_t sessions, const Target& target, Results& results) {
    if (target.door.port == 0) return;
    Sessions open(target);
    open.open(sessions);
    const auto what = fmt::format("NOOP, {} session{}", sessions, sessions == 1 ? "" : "s");
    measure_round_trips(what, sessions, open, target, results);
}

void measure_commands_among_idle(std::size_t idle, const Target& target, Results& results) {
    if (target.door.port == 0 || idle >= target.sessions_max) return;
    Sessions open(target);
    open.open(idle + 1);
    measure_round_trips(fmt::format("NOOP among {} idle sessions", idle), 1, open, target, results);
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

void measure_files(std::size_t kibibytes, const Target& target, Results& results) {
    if (!target.carries_data) return;
    const Meter meter(target);
    const std::size_t times = sum_side_by_side(clients, [&](std::size_t) {
        FtpClient client(target.door);
        client.log_in();
        client.send_binary();
        // Each file has another name, as in a directory that is mirrored.
        std::size_t number = 0;
        const std::size_t files = repeat([&] {
            client.retrieve(fmt::format("/{}K.{}", kibibytes, number++), kibibytes << 10,
                            client.open_data());
        });
        client.quit();
        return files;
    });
    add_rate(fmt::format("Files of {} KiB", kibibytes), direct, target, times, meter, results);
}

void measure_idle_sessions(const Target& target, std::size_t sessions, Results& results) {
    if (target.door.port == 0 || !target.process) return;
    // Do not count memory that all sessions share.
    constexpr std::size_t before_counting = 4;
    Sessions open(target);
    open.open(before_counting);
    const std::size_t before = target.process->resident_bytes();
    open.open(std::min(sessions, target.sessions_max - before_counting));
    const std::size_t after = target.process->resident_bytes();
    results.add("Memory of an idle session, KiB", "", target.name,
                (static_cast<double>(after) - static_cast<double>(before)) /
                    static_cast<double>(open.count() - before_counting) / 1024);
}

}  // namespace ballast::bench
