// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"

#include <sys/signalfd.h>

namespace ballast::daemon {

/// Blocks the signals that the control thread reads, in this thread and in all that it starts, and
/// returns the signalfd(2) that they are read from; an invalid one, with errno, if there is none.
/// To be called before the first thread. Signals without a meaning are among them, because their
/// default would end the process. SIGQUIT and the signals of crashes keep their default.
[[nodiscard]] base::OwnedFd take_over_signals();

/// Says in the log what SIGHUP has done, and what it has not. To be called when the logs have been
/// opened again: so the line stands in the new file.
void note_hangup();
/// Says in the log that a signal has no meaning here, and who has sent it.
void note_ignored_signal(const signalfd_siginfo& signal);

}  // namespace ballast::daemon
