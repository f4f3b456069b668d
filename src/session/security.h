// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

// TLS on the control connection: beginning it, leaving it, and the tickets with which data
// connections resume it.

/// The handshake, after AUTH or at once. False: it failed, and the session is over.
[[nodiscard]] loop::Task<bool> secure_control(Context& context);
/// CCC, RFC 4217 6 and 12.2: switches to plain text. The client has been answered.
[[nodiscard]] loop::Task<> leave_tls(Context& context);
/// Lets a data connection of the client start its handshake before the command comes.
void welcome_data(Context& context);
/// Sends a new ticket with the reply to PASV, EPSV, PORT or EPRT. Many clients use a ticket only
/// once, and tickets expire in long sessions.
void refresh_ticket(Context& context);

}  // namespace ballast::session
