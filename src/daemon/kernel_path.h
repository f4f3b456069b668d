// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"
#include "nat/gateway.h"

#include <memory>
#include <vector>

namespace ballast::daemon {

/// The kernel's forwarding of data connections, for listeners with `data_path`. Opened when the
/// first configuration asks for it, and kept. It outlives all sessions. Control thread.
class KernelPath {
public:
    /// Makes it ready for this configuration. Returns what a listener with `kernel` lacks. Logs
    /// what one with `auto` lacks.
    [[nodiscard]] std::vector<config::Problem> prepare(const config::Config& config);
    /// Null: there is none, and data are relayed.
    [[nodiscard]] nat::Forwarder* forwarder() const { return gateway_.get(); }

private:
    std::unique_ptr<nat::Gateway> gateway_;
};

/// What the listeners' `data_path` needs and this machine does not have, as far as this process can
/// say: errors for `kernel`, warnings for `auto`.
void try_kernel_path(const config::Config& config, std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
