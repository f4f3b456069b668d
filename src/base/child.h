// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

/// Processes that this one starts.
namespace ballast::base {

struct Program {
    std::string path;
    std::vector<std::string> arguments;    ///< the program's own name first
    std::vector<std::string> environment;  ///< all of it, as "NAME=value"
    /// Our descriptors, and what they are there. It inherits these and the standard ones, no
    /// others.
    std::vector<std::pair<int, int>> descriptors;
    bool leads_group = false;  ///< it gets a process group of its own
};

/// Starts it with no signal blocked or ignored. The process, or the errno of the failure. The
/// caller collects its status (waitpid(2)).
[[nodiscard]] std::expected<pid_t, int> start(Program program);

/// Waits until the process has ended, or for this time. Does not collect its status.
void wait_for_end(pid_t process, int milliseconds);

}  // namespace ballast::base
