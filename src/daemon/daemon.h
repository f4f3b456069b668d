// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"
#include "daemon/inheritance.h"

#include <memory>
#include <vector>

namespace ballast::daemon {

/// Runs until SIGTERM or SIGINT (a second one ends it at once). SIGHUP loads the
/// configuration and opens the log files again, SIGUSR1 logs all counters, SIGUSR2 upgrades. The
/// configuration has no errors, and `try_start` found none; `warnings` are logged. Returns the exit
/// status. If something cannot be started nevertheless, nothing starts, and standard error says
/// `file: key: ...`.
[[nodiscard]] int run(std::shared_ptr<const config::Config> config,
                      const std::vector<config::Problem>& warnings, const char* file,
                      Inheritance inheritance);

}  // namespace ballast::daemon
