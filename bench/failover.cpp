// SPDX-License-Identifier: Apache-2.0
// What the death of a backend costs its sessions: all are idle there, the server is killed, and
// each client then asks for its directory. Only another backend can answer. The time until the
// last one has its answer is what users wait.

#include "support/balancers.h"
#include "support/ftp_client.h"
#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/server.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <string>

namespace {

using namespace ballast::bench;

constexpr std::string_view usual_rate = "200/s";
constexpr std::string_view without_limit = "100000/s";

constexpr std::string_view settings = R"(
[listener.front]
bind = ["127.0.0.1:{front}"]
pool = "files"
command_rate = 0
[pool.files]
balance = "first"
failover = "session"
failover_rate = "{rate}"
failover_timeout = "5m"
probe = {{ type = "none" }}
[[pool.files.backend]]
name = "one"
max_sessions = {sessions}
address = "127.0.0.1:{one}"
[[pool.files.backend]]
name = "two"
max_sessions = {sessions}
address = "127.0.0.1:{two}"
)";

void measure(std::string_view rate, const Options& options, Results& results) {
    // Threads come later: both are copies of this process.
    auto one = std::make_unique<Server>(options.targets.origin);
    const Server two(options.targets.origin);
    const auto front = free_port();
    const auto process =
        start_ballast(options.targets, two.certificate, {},
                      fmt::format(settings, fmt::arg("front", front), fmt::arg("rate", rate),
                                  fmt::arg("sessions", options.sessions),
                                  fmt::arg("one", one->sockets.control.port()),
                                  fmt::arg("two", two.sockets.control.port())));
    process.wait_for_port(front);
    std::deque<FtpClient> clients;
    for (std::size_t i = 0; i < options.sessions; ++i)
        clients.emplace_back(Door{.port = front}).log_in();

    using Clock = std::chrono::steady_clock;
    const auto cpu_before = process.cpu_time();
    const auto killed = Clock::now();
    one.reset();
    for (auto& client : clients) client.say("PWD");
    for (auto& client : clients) {
        client.wait_at_most(std::chrono::minutes(5));
        client.hear(257, "PWD");
    }
    const std::chrono::duration<double> time = Clock::now() - killed;
    const auto cpu = process.cpu_time() - cpu_before;
    const auto name = fmt::format("failover_rate {}", rate);
    results.add(fmt::format("{} sessions, the last has its answer, s", clients.size()), "", name,
                time.count());
    results.add("  own CPU, us each", "", name,
                cpu.count() / static_cast<double>(clients.size()) * 1e6);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto options =
            options_of(count, arguments, "Kills a server under idle sessions and waits for them.",
                       {.rounds = 1, .sessions = 5000, .seconds = 120});
        if (!options.has("failover")) return EXIT_SUCCESS;
        prepare(options);
        Results results;
        for (int round = 0; round < options.rounds; ++round)
            for (const auto rate : {usual_rate, without_limit}) measure(rate, options, results);
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_failover: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
