// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"
#include "daemon/inheritance.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ballast::daemon {

/// How a run has ended.
enum class End : std::uint8_t {
    whole,   ///< every session had ended by itself, or with 421 while it was idle
    failed,  ///< nothing was served
    cut,     ///< time was up, or a second signal came: sessions were reset
};

struct Arguments {
    std::string file;      ///< the configuration
    std::string pid_file;  ///< empty: none
};

/// Runs until SIGTERM or SIGINT (a second one ends it at once). SIGHUP loads the
/// configuration and opens the log files again, SIGUSR1 logs all counters, SIGUSR2 upgrades. The
/// configuration has no errors, and `try_start` found none; `warnings` are logged. If something
/// cannot be started nevertheless, nothing starts, and standard error says `file: key: ...`.
[[nodiscard]] End run(std::shared_ptr<const config::Config> config,
                      const std::vector<config::Problem>& warnings, const Arguments& arguments,
                      Inheritance inheritance);

}  // namespace ballast::daemon
