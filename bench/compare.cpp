// SPDX-License-Identifier: Apache-2.0
// What Ballast costs, beside no balancer at all, beside the least that a relay can cost, and beside
// HAProxy if it is installed. Everything is measured in turn, round by round: on a shared machine
// only what ran side by side can be compared. Figures of processor time are steadier than speeds.

#include "support/measures.h"
#include "support/results.h"
#include "support/socket.h"
#include "support/targets.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <getopt.h>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

namespace {

using namespace ballast::bench;

constexpr std::string_view usage =
    R"(Usage: bench_compare [OPTION]...
Measures Ballast, a bare splice relay, HAProxy and no balancer in one interleaved run.

  --rounds=N        of all measurements (5)
  --gigabytes=N     that four downloads move together in each round (2)
  --only=LIST       of downloads, commands, logins, files, idle; comma between them (all)
  --sessions=N      idle ones, for the memory of each (1000)
  --seconds=N       no round begins later than this (60)
  --origin=WHERE    the server sends from: file, by sendfile, or memory (file)
  --ballast=PATH    the program (beside this one)
  --haproxy=PATH    the program, or none (/usr/sbin/haproxy)
)";

struct Options {
    int rounds = 5;
    double gigabytes = 2;
    std::string only = "downloads,commands,logins,files,idle";
    std::size_t sessions = 1000;
    int seconds = 60;
    TargetOptions targets{
        .ballast =
            std::filesystem::canonical("/proc/self/exe").replace_filename("ballast").string(),
        .haproxy = "/usr/sbin/haproxy",
        .threads = std::max(1U, std::thread::hardware_concurrency()),
        .origin = Origin::file};

    /// Whether this one is to be measured.
    [[nodiscard]] bool has(std::string_view measure) const {
        return fmt::format(",{},", only).find(fmt::format(",{},", measure)) != std::string::npos;
    }
};

[[noreturn]] void explain(std::FILE* where) {
    fmt::print(where, "{}", usage);
    std::exit(where == stdout ? EXIT_SUCCESS : EXIT_FAILURE);
}

Origin origin_named(std::string_view name) {
    if (name == "file") return Origin::file;
    if (name == "memory") return Origin::memory;
    explain(stderr);
}

/// A misspelt measure would be left out in silence.
void check_measures(const Options& options) {
    std::istringstream list(options.only);
    for (std::string measure; std::getline(list, measure, ',');)
        if (!Options().has(measure)) explain(stderr);
}

Options options_of(int count, char** arguments) {
    static const option known[] = {{"rounds", required_argument, nullptr, 'r'},
                                   {"gigabytes", required_argument, nullptr, 'g'},
                                   {"only", required_argument, nullptr, 'o'},
                                   {"sessions", required_argument, nullptr, 'n'},
                                   {"seconds", required_argument, nullptr, 's'},
                                   {"origin", required_argument, nullptr, 'f'},
                                   {"ballast", required_argument, nullptr, 'b'},
                                   {"haproxy", required_argument, nullptr, 'p'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {}};
    Options options;
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        const std::string value = optarg == nullptr ? "" : optarg;
        switch (letter) {
            case 'r': options.rounds = std::stoi(value); break;
            case 'g': options.gigabytes = std::stod(value); break;
            case 'o': options.only = value; break;
            case 'n': options.sessions = std::stoul(value); break;
            case 's': options.seconds = std::stoi(value); break;
            case 'f': options.targets.origin = origin_named(value); break;
            case 'b': options.targets.ballast = value; break;
            case 'p': options.targets.haproxy = value; break;
            case 'h': explain(stdout);
            default: explain(stderr);
        }
    }
    if (optind != count || options.rounds < 1 || options.gigabytes <= 0) explain(stderr);
    check_measures(options);
    if (::access(options.targets.haproxy.c_str(), X_OK) != 0) options.targets.haproxy.clear();
    return options;
}

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
}

void measure(const Options& options, const Targets& targets, Results& results) {
    const auto begin = std::chrono::steady_clock::now();
    const auto bytes = static_cast<std::size_t>(options.gigabytes * 1e9);
    const auto& all = targets.all();
    // First: a process that has worked before holds memory it does not need.
    if (options.has("idle"))
        for (const auto& target : all) measure_idle_sessions(target, options.sessions, results);
    int done = 0;
    for (; done < options.rounds; ++done) {
        if (std::chrono::steady_clock::now() - begin > std::chrono::seconds(options.seconds)) break;
        const auto in_turn = [&](std::string_view name, const auto& measure_one) {
            if (!options.has(name)) return;
            for (std::size_t i = 0; i < all.size(); ++i)
                measure_one(all[(i + static_cast<std::size_t>(done)) % all.size()]);
        };
        in_turn("downloads", [&](const Target& it) { measure_downloads(it, bytes, results); });
        in_turn("commands", [&](const Target& it) { measure_commands(it, results); });
        in_turn("logins", [&](const Target& it) { measure_logins(it, results); });
        in_turn("files", [&](const Target& it) { measure_files(it, results); });
    }
    fmt::print(
        "{} rounds in {} s; the server sends from {}; each balancer has {} threads\n", done,
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin)
            .count(),
        options.targets.origin == Origin::file ? "a file" : "memory", options.targets.threads);
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options = options_of(count, arguments);
        // Whatever hangs, ends; the children end with us.
        ::alarm(static_cast<unsigned>(options.seconds) + 55);
        std::signal(SIGPIPE, SIG_IGN);
        raise_descriptor_limit();
        const bool is_private = enter_private_network();
        const Targets targets(options.targets);
        Results results;
        print_machine(options, is_private);
        measure(options, targets, results);
        results.print();
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_compare: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
