// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/ledger.h"

#include <string>
#include <string_view>

namespace ballast::session {

/// A client has come to a limit at this listener: counted each time, and logged once a second at
/// most for each limit, with the setting that would change it, since whoever comes to one may come
/// a thousand times. Any thread may call.
void note_limit(const guard::Ledger& ledger, guard::Limit limit, const config::Listener& listener,
                std::string_view client);

/// A session has come from this process itself, through a backend that leads back here. Likewise.
void note_own_session(std::string_view client);
inline constexpr std::string_view own_session_text =
    "Service not available: the server connects to itself.";

/// What it is told.
[[nodiscard]] std::string refusal_text(guard::Limit limit);

}  // namespace ballast::session
