// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/problem.h"
#include "daemon/serving.h"
#include "loop/loop.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace ballast::daemon {

/// Reads and checks the configuration file of the running daemon, as `ballast check` does, on its
/// own thread: files, names and trial binding may take seconds.
class Reload {
public:
    struct Read {
        std::vector<config::Problem> problems;  ///< warnings too
        std::optional<Parts> parts;             ///< empty if there are errors
    };
    /// Called on the control thread.
    using Done = std::move_only_function<void(Read)>;

    /// `control` must outlive it.
    Reload(loop::Loop& control, std::string file) : control_(control), file_(std::move(file)) {}
    /// Waits for the thread, which gives up waiting for files and takes a few seconds for names.
    ~Reload() = default;
    Reload(const Reload&) = delete;
    Reload& operator=(const Reload&) = delete;

    /// Only one runs at a time. `former` is the TLS in use.
    void begin(std::shared_ptr<const Tls> former, Done done);

private:
    loop::Loop& control_;
    const std::string file_;
    std::jthread thread_;
};

}  // namespace ballast::daemon
