// SPDX-License-Identifier: Apache-2.0
#include "support/run.h"

#include "support/socket.h"

#include <chrono>
#include <csignal>
#include <fmt/format.h>
#include <fstream>
#include <string>
#include <sys/utsname.h>
#include <unistd.h>

namespace ballast::bench {

namespace {

std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
    return "unknown processor";
}

void print_machine(const Options& options, bool is_private) {
    utsname kernel{};
    ::uname(&kernel);
    std::string congestion_control = "?";
    std::ifstream("/proc/sys/net/ipv4/tcp_congestion_control") >> congestion_control;
    fmt::print("{} cores of {}, {} {}, {}, {}\n", options.targets.threads, processor(),
               kernel.sysname, kernel.release, congestion_control,
               is_private ? "a network namespace of its own" : "the network of the machine");
    if (options.targets.haproxy.empty()) fmt::print("No HAProxy here: it is left out\n");
}

}  // namespace

void prepare(const Options& options) {
    // The children end with us.
    constexpr unsigned longest_round_seconds = 120;
    ::alarm(static_cast<unsigned>(options.seconds) + longest_round_seconds);
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    print_machine(options, enter_private_network());
}

void measure_in_rounds(const Options& options, const std::vector<Target>& targets,
                       const std::vector<Measure>& measures) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    std::size_t done = 0;
    for (; done < static_cast<std::size_t>(options.rounds); ++done) {
        if (Clock::now() - begin > std::chrono::seconds(options.seconds)) break;
        for (const auto& [name, measure_one] : measures) {
            if (!options.has(name)) continue;
            for (std::size_t i = 0; i < targets.size(); ++i)
                measure_one(targets[(i + done) % targets.size()]);
        }
    }
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin);
    fmt::print(
        "{} rounds in {} s; without TLS the server sends from {}; each balancer has {} "
        "threads\n",
        done, took.count(), options.targets.origin == Origin::file ? "a file" : "memory",
        options.targets.threads);
}

}  // namespace ballast::bench
