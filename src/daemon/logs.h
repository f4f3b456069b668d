// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <string_view>
#include <vector>

namespace ballast::daemon {

/// Opens Ballast's log and the transfer logs. False if one cannot be opened (see errno).
[[nodiscard]] bool open_logs(const config::Config& config);
/// Follows a new configuration. A file that cannot be opened is logged, and the old one stays.
void change_logs(const config::Config& config);

/// One line each, without the limit on repeats.
void log_problems(const std::vector<config::Problem>& problems, std::string_view file);

/// The present value of each counter, in one line.
void log_counters();

}  // namespace ballast::daemon
