// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

namespace ballast::daemon {

/// Runs until SIGTERM or SIGINT (a second one ends it at once). SIGHUP opens the log files anew,
/// SIGUSR1 logs all counters. Returns the exit status; what cannot be started is said on standard
/// error as `file: key: ...`, and then nothing was.
[[nodiscard]] int run(const config::Config& config, const char* file);

}  // namespace ballast::daemon
