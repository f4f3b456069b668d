// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/session_act.h"
#include "daemon/worker.h"
#include "loop/task.h"
#include "loop/worker_loop.h"
#include "session/view.h"

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::daemon {

/// The sessions of all workers, for the control thread. Workers are asked for a slice at a time, so
/// that none of them stops for long, however many sessions there are.
class Census {
public:
    /// Both outlive it and its tasks.
    Census(loop::WorkerLoop& control, const std::vector<std::unique_ptr<Worker>>& workers)
        : control_(control), workers_(workers) {}

    /// The first ones that are wanted, in the order of their ids. Empty: a worker does not answer.
    [[nodiscard]] loop::Task<std::optional<std::vector<session::View>>> sessions(
        admin::SessionQuery query);
    /// Without a session: `no_session` or `no_answer`.
    [[nodiscard]] loop::Task<std::expected<session::View, admin::SessionActed>> session(
        std::string id);
    [[nodiscard]] loop::Task<admin::SessionActed> act(std::string id, admin::SessionAct act);

private:
    loop::WorkerLoop& control_;
    const std::vector<std::unique_ptr<Worker>>& workers_;
};

}  // namespace ballast::daemon
