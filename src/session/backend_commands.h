// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

// Commands that the session's backend answers, outside of logins and transfers.

/// Passes a command on, and its replies back. Where a reply may be long its lines go to the client
/// as they come, and no faster than it takes them. There is a backend.
[[nodiscard]] loop::Task<> forward(Context& context, ftp::Command command);
/// ABOR while nothing moves.
[[nodiscard]] loop::Task<> abort_nothing(Context& context);
/// QUIT: the session ends.
[[nodiscard]] loop::Task<> quit(Context& context);

}  // namespace ballast::session
