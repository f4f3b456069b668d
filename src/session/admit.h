// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

/// Whether a new client may have a session: first by network, then by limits. False: the client was
/// told why, except before implicit TLS, because the reply would need a handshake.
[[nodiscard]] loop::Task<bool> admit(Context& context);

}  // namespace ballast::session
