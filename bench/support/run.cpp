// SPDX-License-Identifier: Apache-2.0
#include "support/run.h"

#include "support/json.h"
#include "support/measures.h"
#include "support/socket.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <exception>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace ballast::bench {

namespace {

Machine machine_in_its_network(const Options& options) {
    // Congestion control is that of the namespace.
    const bool is_private = !options.stays_here && enter_private_network();
    const int refusal = errno;
    Machine machine = this_machine();
    machine.has_own_network = is_private;
    machine.network =
        is_private ? "a network namespace of its own"
        : options.stays_here
            ? "the network of the machine, because of --here"
            : fmt::format(
                  "the network of the machine, because a namespace of its own is refused: {}",
                  std::strerror(refusal));
    return machine;
}

void measure_one(const Measure& measure, const Target& target) {
    try {
        measure.measure_one(target);
    } catch (const std::exception& error) {
        const auto what = fmt::format("{} in {}: {}", target.name, measure.name, error.what());
        if (target.role != Role::rival) throw std::runtime_error(what);
        fmt::print("Left out: {}\n", what);
    }
}

std::string json_of(const Machine& machine) {
    return JsonObject()
        .add("processor", machine.processor)
        .add("cores", double(machine.cores))
        .add("memory_gibibytes", machine.memory_gibibytes)
        .add("kernel", machine.kernel)
        .add("network", machine.network)
        .add("congestion_control", machine.congestion_control)
        .add("load_before", machine.load)
        .text();
}

std::string json_of(const Versions& versions) {
    return JsonObject()
        .add("ballast", versions.ballast)
        .add("haproxy", versions.haproxy)
        .add("nginx", versions.nginx)
        .add("mod_proxy", versions.mod_proxy)
        .text();
}

std::string json_of(const Options& options) {
    return JsonObject()
        .add("gigabytes", options.gigabytes)
        .add("sessions", static_cast<double>(options.sessions))
        .add("threads", static_cast<double>(options.targets.threads))
        .add("origin", options.targets.origin == Origin::file ? "file" : "memory")
        .add("quick", options.is_quick)
        .text();
}

}  // namespace

Machine prepare(const Options& options) {
    // The children end with us.
    constexpr unsigned longest_round_seconds = 900;
    ::alarm(static_cast<unsigned>(options.seconds) + longest_round_seconds);
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    auto machine = machine_in_its_network(options);
    print(machine);
    return machine;
}

void measure_in_rounds(const Options& options, const std::vector<Target>& targets,
                       const std::vector<Measure>& measures) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    std::size_t done = 0;
    for (; done < static_cast<std::size_t>(options.rounds); ++done) {
        if (Clock::now() - begin > std::chrono::seconds(options.seconds)) break;
        fmt::print(stderr, "round {} of {}\n", done + 1, options.rounds);
        for (const auto& measure : measures) {
            if (!options.has(measure.name)) continue;
            for (std::size_t i = 0; i < targets.size(); ++i)
                measure_one(measure, targets[(i + done) % targets.size()]);
        }
    }
    const auto took = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin);
    fmt::print(
        "{} rounds in {} s; without TLS the server sends from {}; each balancer has {} "
        "threads\n",
        done, took.count(), options.targets.origin == Origin::file ? "a file" : "memory",
        options.targets.threads);
}

void measure_memory(const Options& options, const std::vector<Target>& targets, Results& results) {
    if (!options.has("idle")) return;
    const Measure memory{"idle", [&](const Target& target) {
                             measure_idle_sessions(target, options.idle_sessions(), results);
                         }};
    for (const auto& target : targets) measure_one(memory, target);
}

void report(std::string_view program, const Options& options, const Machine& machine,
            const std::vector<Target>& targets, Results& results) {
    std::vector<std::string> rivals;
    for (const auto& target : targets)
        if (target.role == Role::rival) rivals.push_back(target.name);
    results.set_rivals(rivals);
    const auto versions = versions_of(options.targets);
    print(versions);
    results.print();
    if (options.json.empty()) return;
    std::ofstream file(options.json, std::ios::app);
    file << JsonObject()
                .add("program", program)
                .add("time", fmt::format("{:%F %T}", fmt::gmtime(std::time(nullptr))))
                .add_text("machine", json_of(machine))
                .add_text("versions", json_of(versions))
                .add_text("options", json_of(options))
                .add_text("measures", results.json())
                .text()
         << '\n';
    if (!file.flush()) throw std::runtime_error("cannot write " + options.json);
}

}  // namespace ballast::bench
