// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/target.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// The command line of the programs. All accept the same options, so one command line can start
/// them all; each has its own defaults.
struct Options {
    int rounds = 5;
    double gigabytes = 2;
    std::string only = std::string(all_measures);
    std::size_t sessions = 1000;
    int seconds = 60;
    /// Less of everything, for a first impression.
    bool is_quick = false;
    /// Stay in the network of the machine.
    bool stays_here = false;
    /// The report is appended to this file, unless the path is empty.
    std::string json{};
    TargetOptions targets{};

    static constexpr std::string_view all_measures =
        "downloads,uploads,commands,crowd,logins,files,handshakes,idle,fairness,growth,far,workers,"
        "metrics,failover,store,micro,kernel";

    /// Whether this one is to be measured.
    [[nodiscard]] bool has(std::string_view measure) const;
    /// In how many sessions at once nothing happens: each of these is measured.
    [[nodiscard]] std::vector<std::size_t> idle_sessions() const;
    /// How many streams move bytes at once: each of these is measured.
    [[nodiscard]] std::vector<std::size_t> widths() const;
};

/// Ends the program if it is only asked for help, or if the options are wrong. `does` is a sentence
/// that describes the program.
[[nodiscard]] Options options_of(int count, char** arguments, std::string_view does,
                                 Options defaults);

}  // namespace ballast::bench
