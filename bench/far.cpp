// SPDX-License-Identifier: Apache-2.0
// Backends that are far from their balancer, which is near the clients: small files, log-ins and
// sessions with one file, where the number of round trips is all that counts.

#include "support/balancers.h"
#include "support/distance.h"
#include "support/measures.h"
#include "support/options.h"
#include "support/results.h"
#include "support/rivals.h"
#include "support/run.h"
#include "support/scratch.h"
#include "support/server.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace ballast::bench;

constexpr std::chrono::milliseconds round_trip{20};

constexpr std::string_view settings = R"(
[listener.front]
bind = ["127.0.0.1:{front}"]
pool = "files"
command_rate = 0
[pool.files]
{pool}
[[pool.files.backend]]
name = "far"
address = "{host}:{back}"
)";

/// The far server behind everything.
class FarTargets {
public:
    explicit FarTargets(const TargetOptions& options)
        : distance_(round_trip), server_(options.origin, Distance::beside) {
        all_.push_back(
            {.name = std::string(direct), .door = {.port = back(), .host = Distance::far_away}});
        all_.push_back(through_ballast("ballast", options, ""));
        all_.push_back(through_ballast("ballast, warm = 8", options, "warm = 8"));
        if (options.has_haproxy()) {
            const Host host = free_host();
            all_.push_back(
                rival("haproxy, tuned", host,
                      start_haproxy(options, HaproxyForm::best, back(), host, Distance::far_away)));
        }
        if (options.has_nginx()) {
            const Host host = free_host();
            all_.push_back(rival("nginx", host,
                                 start_nginx(options, scratch_, back(), host, Distance::far_away)));
        }
    }

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }

private:
    [[nodiscard]] std::uint16_t back() const { return server_.sockets.control.port(); }
    [[nodiscard]] Target through_ballast(std::string_view name, const TargetOptions& options,
                                         std::string_view pool) const {
        const std::uint16_t front = free_port();
        auto process = start_ballast(
            options, server_.certificate, {},
            fmt::format(settings, fmt::arg("front", front), fmt::arg("back", back()),
                        fmt::arg("host", Distance::far_away.text()), fmt::arg("pool", pool)));
        process.wait_for_port(front);
        return {.name = std::string(name),
                .role = Role::ballast,
                .process = std::move(process),
                .door = {.port = front}};
    }
    [[nodiscard]] Target rival(std::string_view name, Host host, Child process) const {
        return {.name = std::string(name),
                .role = Role::rival,
                .process = std::move(process),
                .door = {.port = back(), .host = host}};
    }

    Distance distance_;
    Scratch scratch_;
    Server server_;
    std::vector<Target> all_;
};

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options =
            options_of(count, arguments,
                       "Measures small files, log-ins and short sessions with a server 20 ms away.",
                       {.rounds = 3, .seconds = 120});
        if (!options.has("far")) return EXIT_SUCCESS;
        const auto machine = prepare(options);
        if (!machine.has_own_network) {
            fmt::print("Left out: a far server needs a network of its own.\n");
            return EXIT_SUCCESS;
        }
        const FarTargets targets(options.targets);
        Results results;
        measure_in_rounds(
            options, targets.all(),
            {{"far", [&results](const Target& it) { measure_files(4, it, results); }},
             {"far", [&results](const Target& it) { measure_logins(direct, it, results); }},
             {"far", [&results](const Target& it) { measure_short_sessions(4, it, results); }}});
        report("far", options, machine, targets.all(), results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_far: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
