// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/failover.h"

namespace ballast::session {

// Commands that the session's backend answers, outside of logins and transfers.

/// Passes a command to the backend, and its replies back. Lines of a reply that may be long are
/// passed on as they come, no faster than the client reads. If the backend is lost and the session
/// goes on elsewhere, a command that may be repeated is. Of another one the client hears that its
/// outcome is not known. The session has a backend.
[[nodiscard]] loop::Task<> forward(Context& context, Failover& failover, ftp::Command command);
/// ABOR outside of a transfer.
[[nodiscard]] loop::Task<> abort_nothing(Context& context, Failover& failover);
/// QUIT: the session ends.
[[nodiscard]] loop::Task<> quit(Context& context);

}  // namespace ballast::session
