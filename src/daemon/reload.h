// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
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
    /// Takes what was read into use, or says why not. Called on the control thread.
    using Apply = std::function<admin::ReloadReport(Read&)>;
    /// Hears of each reload's end. Control thread.
    using Ended = std::function<void(const admin::ReloadReport&)>;
    /// The TLS in use.
    using CurrentTls = std::function<std::shared_ptr<const Tls>()>;

    /// `control` must outlive it.
    Reload(loop::Loop& control, std::string file, CurrentTls tls, Apply apply, Ended ended)
        : control_(control),
          file_(std::move(file)),
          tls_(std::move(tls)),
          apply_(std::move(apply)),
          ended_(std::move(ended)) {}
    /// Waits for the thread, which stops looking names up and gives up waiting for files.
    ~Reload() = default;
    Reload(const Reload&) = delete;
    Reload& operator=(const Reload&) = delete;

    /// Begins a reload. One that is asked for while another runs begins after it: the file may have
    /// changed since it was read.
    void ask(admin::Actions::Reloaded done);
    /// The same.
    void stop();

private:
    void begin();
    void end(Read read);
    [[nodiscard]] admin::ReloadReport apply(Read& read) const;

    loop::Loop& control_;
    const std::string file_;
    const CurrentTls tls_;
    const Apply apply_;
    const Ended ended_;
    bool is_running_ = false;
    std::vector<admin::Actions::Reloaded> asked_;  // by the one that runs
    std::vector<admin::Actions::Reloaded> asked_again_;
    std::jthread thread_;
};

}  // namespace ballast::daemon
