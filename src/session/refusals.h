// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

// What Ballast refuses by itself, before any backend hears of it.

/// A line that is not a command.
[[nodiscard]] loop::Task<> refuse_line(Context& context, ftp::CommandError problem);
/// A command that the listener does not allow.
[[nodiscard]] loop::Task<> refuse_command(Context& context, const ftp::Command& command,
                                          ftp::Reply reply);
/// Answers a command without a backend. A refusal that a user will ask about is logged: of logins
/// and transfers. Clients try other commands as a matter of course.
[[nodiscard]] loop::Task<> answer_command(Context& context, const ftp::Command& command,
                                          ftp::Reply reply);

}  // namespace ballast::session
