// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/ledger.h"

#include <string>
#include <string_view>

namespace ballast::session {

/// A client has come to a limit: counted each time, and logged once a second at most for each
/// limit, since whoever comes to one may come a thousand times. Any thread may call.
void note_limit(guard::Limit limit, std::string_view client);

/// What it is told.
[[nodiscard]] std::string refusal_text(guard::Limit limit);

}  // namespace ballast::session
