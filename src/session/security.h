// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

// A session's TLS on the control connection: beginning it, leaving it, and the tickets that data
// connections resume it with.

/// The handshake, after AUTH or at once. False if it failed: the session is over.
[[nodiscard]] loop::Task<bool> secure_control(Context& context);
/// CCC, RFC 4217 6 and 12.2: plain text from here on. The client has been answered.
[[nodiscard]] loop::Task<> leave_tls(Context& context);
/// A client's data connection may come, and begin its handshake, before the command.
void welcome_data(Context& context);
/// Travels with the answer to PASV, EPSV, PORT or EPRT: many clients use a ticket only once, and
/// tickets grow old in long sessions.
void refresh_ticket(Context& context);

}  // namespace ballast::session
