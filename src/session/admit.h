// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

namespace ballast::session {

/// Whether a new client may have a session: networks first, then limits. False: the client was told
/// why not, unless TLS comes first: then it would have to be let in to be told.
[[nodiscard]] loop::Task<bool> admit(Context& context);

}  // namespace ballast::session
