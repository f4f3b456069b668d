// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/error.h"
#include "loop/task.h"
#include "loop/worker_loop.h"

#include <chrono>
#include <string>

namespace ballast::health {

/// A probe by the operator's own program. It runs with two arguments, the backend's address and
/// port. Its environment holds only PATH and these: BALLAST_POOL, BALLAST_BACKEND, BALLAST_ADDRESS,
/// BALLAST_PORT, BALLAST_STATE, BALLAST_TIMEOUT_MS.
struct ScriptRun {
    std::string path;
    base::Address address;
    std::string pool;
    std::string backend;
    std::string state;  ///< "up", "down" or "unknown"
    std::chrono::milliseconds timeout{};
};

/// Runs the script in its own process group and waits for it. Exit status 0 is a success. An error
/// holds the first line that the script printed. After the timeout, or when the task is destroyed,
/// the whole process group is killed.
[[nodiscard]] loop::Task<base::Result<>> run_script(loop::WorkerLoop& loop, ScriptRun run);

}  // namespace ballast::health
