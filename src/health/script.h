// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "loop/task.h"
#include "loop/worker_loop.h"

#include <chrono>
#include <string>

namespace ballast::health {

/// A probe by a program of the operator's. It is run with two arguments, the backend's address and
/// port, and with nothing in its environment but PATH and what stands here: BALLAST_POOL,
/// BALLAST_BACKEND, BALLAST_ADDRESS, BALLAST_PORT, BALLAST_STATE, BALLAST_TIMEOUT_MS.
struct ScriptRun {
    std::string path;
    base::Address address;
    std::string pool;
    std::string backend;
    std::string state;  ///< "up", "down" or "unknown"
    std::chrono::milliseconds timeout{};
};

/// Runs it in a process group of its own and waits for its end, which is good if it exits with 0.
/// An error tells the first line that it printed. What still runs after the time-out, or when the
/// task is destroyed, is killed with all its children that have stayed in the group.
[[nodiscard]] loop::Task<base::Result<>> run_script(loop::WorkerLoop& loop, ScriptRun run);

}  // namespace ballast::health
