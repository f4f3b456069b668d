// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"
#include "nat/gateway.h"

#include <memory>
#include <vector>

namespace ballast::daemon {

/// The kernel's forwarding of data connections, for listeners with `data_path`. It is there while
/// the configuration asks for it, or a session still has it from a configuration before. Control
/// thread.
class KernelPath {
public:
    /// Makes it ready for this configuration. Returns what a listener with `kernel` lacks.
    [[nodiscard]] std::vector<config::Problem> prepare(const config::Config& config);
    /// From now on this configuration decides whether it is needed.
    void use(const config::Config& config);
    /// Ends it if nobody needs it. Call it now and then.
    void look();
    /// For a session of this listener, which keeps it. Null: its data are relayed.
    [[nodiscard]] std::shared_ptr<nat::Forwarder> forwarder(const config::Listener& listener) const;

private:
    std::shared_ptr<nat::Gateway> gateway_;
    bool is_wanted_ = false;
};

/// What the listeners' `data_path` needs and this machine does not have, as far as this process can
/// say: errors for `kernel`, warnings for `auto`.
void try_kernel_path(const config::Config& config, std::vector<config::Problem>& problems);

}  // namespace ballast::daemon
