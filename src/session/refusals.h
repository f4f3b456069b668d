// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

// What Ballast refuses by itself, without asking a backend.

/// A line that is not a command.
[[nodiscard]] loop::Task<> refuse_line(Context& context, ftp::CommandError problem);
/// A command that the listener does not allow.
[[nodiscard]] loop::Task<> refuse_command(Context& context, const ftp::Command& command,
                                          ftp::Reply reply);
/// Answers a command without a backend. Logs the refusals that users ask about: of logins and
/// transfers. Other refused commands are normal for clients.
[[nodiscard]] loop::Task<> answer_command(Context& context, const ftp::Command& command,
                                          ftp::Reply reply);

}  // namespace ballast::session
