// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/target.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace ballast::bench {

/// The command line of the programs. All accept the same options, so one command line can start
/// them all; each has its own defaults.
struct Options {
    int rounds = 5;
    double gigabytes = 2;
    std::string only = std::string(all_measures);
    std::size_t sessions = 1000;
    int seconds = 60;
    TargetOptions targets{};

    static constexpr std::string_view all_measures =
        "downloads,uploads,commands,logins,files,handshakes,idle,metrics,failover,store";

    /// Whether this one is to be measured.
    [[nodiscard]] bool has(std::string_view measure) const;
};

/// Ends the program if it is only asked for help, or if the options are wrong. `does` is a sentence
/// that describes the program.
[[nodiscard]] Options options_of(int count, char** arguments, std::string_view does,
                                 Options defaults);

}  // namespace ballast::bench
