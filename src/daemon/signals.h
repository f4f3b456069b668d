// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"

#include <sys/signalfd.h>

namespace ballast::daemon {

/// Blocks the signals that the control thread reads, in this thread and in all that it starts.
/// Returns the signalfd(2) to read them from, or an invalid one with errno. Call before the first
/// thread. The set includes signals without a meaning, because their default would end the process.
/// SIGQUIT and the signals of crashes keep their default.
[[nodiscard]] base::OwnedFd take_over_signals();

/// Logs that a signal has no meaning here, and who sent it.
void note_ignored_signal(const signalfd_siginfo& signal);

}  // namespace ballast::daemon
