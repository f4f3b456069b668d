// SPDX-License-Identifier: Apache-2.0
#include "support/options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <getopt.h>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <utility>

namespace ballast::bench {

namespace {

constexpr std::string_view usage =
    R"(Usage: {program} [OPTION]...
{does}

  --rounds=N        of all measurements ({rounds})
  --gigabytes=N     that the streams of one measurement move together ({gigabytes})
  --only=LIST       of {measures};
                    comma between them, and a program passes over what it does not measure (all)
  --sessions=N      idle ones, for the memory of each, and beside a busy one ({sessions})
  --seconds=N       no round begins later than this ({seconds})
  --quick           one round, fewer bytes and sessions, for a first impression
  --threads=N       of each balancer (one for each core)
  --here            in the network of the machine, not in a namespace of its own
  --json=FILE       append the report to this file, as one line
  --origin=WHERE    without TLS the server sends from: file, by sendfile, or memory (file)
  --ballast=PATH    the program (beside this one)
  --beside=PATH     another version of it, which takes its turns as "ballast beside" (none)
  --haproxy=PATH    the program, or none (/usr/sbin/haproxy)
  --servers=PATH    where tools/setup.sh has unpacked nginx and ProFTPD (../.servers)
)";

class Help {
public:
    Help(std::string_view does, const Options& defaults)
        : text_(fmt::format(
              usage, fmt::arg("program", program().filename().string()), fmt::arg("does", does),
              fmt::arg("rounds", defaults.rounds), fmt::arg("gigabytes", defaults.gigabytes),
              fmt::arg("measures", Options::all_measures), fmt::arg("sessions", defaults.sessions),
              fmt::arg("seconds", defaults.seconds))) {}

    static std::filesystem::path program() { return std::filesystem::canonical("/proc/self/exe"); }

    [[noreturn]] void print_and_exit(std::FILE* where) const {
        fmt::print(where, "{}", text_);
        std::exit(where == stdout ? EXIT_SUCCESS : EXIT_FAILURE);
    }

private:
    std::string text_;
};

Origin origin_named(std::string_view name, const Help& help) {
    if (name == "file") return Origin::file;
    if (name == "memory") return Origin::memory;
    help.print_and_exit(stderr);
}

/// A misspelt measure would be skipped silently.
void check_measures(const Options& options, const Help& help) {
    std::istringstream list(options.only);
    for (std::string measure; std::getline(list, measure, ',');)
        if (!Options().has(measure)) help.print_and_exit(stderr);
}

/// What the options on the command line start from.
Options started_from(Options defaults, const std::vector<std::string_view>& arguments) {
    defaults.targets = {.ballast = Help::program().replace_filename("ballast").string(),
                        .haproxy = "/usr/sbin/haproxy",
                        .servers = Help::program().parent_path().parent_path() / ".servers",
                        .threads = std::max(1U, std::thread::hardware_concurrency()),
                        .origin = Origin::file};
    // Wherever it stands, other options count more.
    if (std::ranges::find(arguments, "--quick") == arguments.end()) return defaults;
    defaults.rounds = 1;
    defaults.gigabytes /= 4;
    defaults.sessions = std::min<std::size_t>(defaults.sessions, 1000);
    defaults.seconds = std::max(defaults.seconds / 8, 20);
    defaults.is_quick = true;
    return defaults;
}

}  // namespace

std::vector<std::size_t> Options::widths() const {
    if (is_quick) return {1, 16};
    return {1, 4, 16, 64};
}

std::vector<std::size_t> Options::idle_sessions() const {
    constexpr std::size_t few = 1000;
    if (sessions <= few) return {sessions};
    return {few, sessions};
}

bool Options::has(std::string_view measure) const {
    return fmt::format(",{},", only).find(fmt::format(",{},", measure)) != std::string::npos;
}

Options options_of(int count, char** arguments, std::string_view does, Options defaults) {
    static const option known[] = {{"rounds", required_argument, nullptr, 'r'},
                                   {"gigabytes", required_argument, nullptr, 'g'},
                                   {"only", required_argument, nullptr, 'o'},
                                   {"sessions", required_argument, nullptr, 'n'},
                                   {"seconds", required_argument, nullptr, 's'},
                                   {"origin", required_argument, nullptr, 'f'},
                                   {"ballast", required_argument, nullptr, 'b'},
                                   {"beside", required_argument, nullptr, 'v'},
                                   {"haproxy", required_argument, nullptr, 'p'},
                                   {"servers", required_argument, nullptr, 'd'},
                                   {"quick", no_argument, nullptr, 'q'},
                                   {"threads", required_argument, nullptr, 't'},
                                   {"here", no_argument, nullptr, 'l'},
                                   {"json", required_argument, nullptr, 'j'},
                                   {"help", no_argument, nullptr, 'h'},
                                   {}};
    const Help help(does, defaults);
    Options options = started_from(std::move(defaults), {arguments + 1, arguments + count});
    for (int letter = 0; (letter = ::getopt_long(count, arguments, "h", known, nullptr)) != -1;) {
        const std::string value = optarg == nullptr ? "" : optarg;
        switch (letter) {
            case 'r': options.rounds = std::stoi(value); break;
            case 'g': options.gigabytes = std::stod(value); break;
            case 'o': options.only = value; break;
            case 'n': options.sessions = std::stoul(value); break;
            case 's': options.seconds = std::stoi(value); break;
            case 'f': options.targets.origin = origin_named(value, help); break;
            case 'b': options.targets.ballast = value; break;
            case 'v': options.targets.beside = value; break;
            case 'p': options.targets.haproxy = value; break;
            case 'd': options.targets.servers = value; break;
            case 'q': break;
            case 't': options.targets.threads = static_cast<unsigned>(std::stoul(value)); break;
            case 'l': options.stays_here = true; break;
            case 'j': options.json = value; break;
            case 'h': help.print_and_exit(stdout);
            default: help.print_and_exit(stderr);
        }
    }
    if (optind != count || options.rounds < 1 || options.gigabytes <= 0 ||
        options.targets.threads < 1)
        help.print_and_exit(stderr);
    check_measures(options, help);
    if (::access(options.targets.haproxy.c_str(), X_OK) != 0) options.targets.haproxy.clear();
    return options;
}

}  // namespace ballast::bench
