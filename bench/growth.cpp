// SPDX-License-Identifier: Apache-2.0
// Whether one transfer and one command cost the same however many sessions are open, and however
// many backends a pool has. Ballast alone: processor time of its own process.

#include "support/balancers.h"
#include "support/ftp_client.h"
#include "support/measures.h"
#include "support/options.h"
#include "support/results.h"
#include "support/run.h"
#include "support/server.h"

#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace ballast::bench;

constexpr std::string_view settings = R"(
[listener.front]
bind = ["127.0.0.1:{front}"]
pool = "files"
command_rate = 0
passive_ports = "{first_port}-{last_port}"
[pool.files]
probe = {{ type = "none" }}
)";

constexpr std::string_view backend_settings = R"(
[[pool.files.backend]]
name = "b{number}"
address = "{host}:{back}"
)";

std::string plural(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

/// The server listens on every address of 127.0.0.0/8, so each of them is a backend.
Target through_ballast(std::string name, std::size_t backends, const TargetOptions& options,
                       const Server& server) {
    static std::uint16_t first_port = 20000;
    constexpr std::uint16_t ports_each = 100;
    const std::uint16_t front = free_port();
    auto text = fmt::format(settings, fmt::arg("front", front), fmt::arg("first_port", first_port),
                            fmt::arg("last_port", first_port + ports_each - 1));
    first_port += ports_each;
    for (std::size_t i = 0; i < backends; ++i) {
        const auto host = Host::of(127, 1, static_cast<std::uint8_t>(i / 250),
                                   static_cast<std::uint8_t>(i % 250 + 1));
        text += fmt::format(backend_settings, fmt::arg("number", i), fmt::arg("host", host.text()),
                            fmt::arg("back", server.sockets.control.port()));
    }
    auto process = start_ballast(options, server.certificate, {}, text);
    process.wait_for_port(front);
    return {.name = std::move(name),
            .role = Role::ballast,
            .process = std::move(process),
            .door = {.port = front},
            .sessions_max = 9600};
}

/// Each Ballast has its own number of sessions that do nothing, or of backends.
class GrowthTargets {
public:
    explicit GrowthTargets(const Options& options)
        : server_(options.targets.origin, Host::any()),
          for_memory_(through_ballast("ballast", 1, options.targets, server_)) {
        for (const std::size_t sessions : {1U, 100U, 1000U, 9500U})
            if (sessions <= options.sessions)
                add(plural(sessions, "session"), 1, sessions, options);
        for (const std::size_t backends : {1U, 20U, 200U, 2000U})
            add(plural(backends, "backend"), backends, 0, options);
    }

    [[nodiscard]] const std::vector<Target>& all() const { return all_; }
    /// Not one of them: a process that has had many sessions holds memory that it does not need.
    [[nodiscard]] const Target& for_memory() const { return for_memory_; }
    /// When there are no more processes to start.
    void open_sessions() {
        for (std::size_t i = 0; i < all_.size(); ++i)
            for (std::size_t k = 0; k < sessions_[i]; ++k)
                idle_.emplace_back(all_[i].door).log_in();
    }

private:
    void add(std::string name, std::size_t backends, std::size_t sessions, const Options& options) {
        all_.push_back(through_ballast(std::move(name), backends, options.targets, server_));
        sessions_.push_back(sessions);
    }

    Server server_;
    Target for_memory_;
    std::vector<Target> all_;
    std::vector<std::size_t> sessions_;
    std::deque<FtpClient> idle_;
};

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options = options_of(
            count, arguments, "Measures what commands, files and log-ins cost as numbers grow.",
            {.rounds = 3, .sessions = 9500, .seconds = 240});
        if (!options.has("growth")) return EXIT_SUCCESS;
        const auto machine = prepare(options);
        GrowthTargets targets(options);
        Results results;
        measure_idle_sessions(targets.for_memory(), options.idle_sessions(), results);
        targets.open_sessions();
        measure_in_rounds(
            options, targets.all(),
            {{"growth", [&results](const Target& it) { measure_commands(4, it, results); }},
             {"growth", [&results](const Target& it) { measure_files(4, it, results); }},
             {"growth", [&results](const Target& it) { measure_logins(direct, it, results); }}});
        report("growth", options, machine, targets.all(), results);
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "bench_growth: {}\n", error.what());
        return EXIT_FAILURE;
    }
}
