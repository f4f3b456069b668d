// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/owned_fd.h"

#include <utility>

namespace ballast::daemon {

/// A process that an upgrade starts would be a child of the one that it replaces. A service manager
/// notices the end of its own children only. So the new process splits in two: the parent, its
/// escort, waits until the child serves. Then the escort ends, and the child belongs to the service
/// manager. If the child ends before, the escort ends in the same way, for the former process to
/// see.
class Escort {
public:
    Escort() = default;
    /// Returns in the child. Before the first thread.
    [[nodiscard]] static base::Result<Escort> begin();
    /// The child serves. Nothing happens if there is no escort.
    void end();

private:
    explicit Escort(base::OwnedFd pipe) : pipe_(std::move(pipe)) {}

    base::OwnedFd pipe_;
};

}  // namespace ballast::daemon
