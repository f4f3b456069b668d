// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.h"
#include "guard/ledger.h"

#include <initializer_list>
#include <string>
#include <string_view>

namespace ballast::session {

/// A client has reached a limit of this listener. Each time counts. Each limit is logged at most
/// once a second, with the setting that changes it, because a client may hit a limit a thousand
/// times. `session` has more fields, if the client has a session. Any thread may call.
void note_limit(const guard::Ledger& ledger, guard::Limit limit, const config::Listener& listener,
                std::string_view client, std::initializer_list<log::Field> session = {});

/// The same for a session that came from this process, through a backend that leads back to it.
void note_own_session(std::string_view client);
inline constexpr std::string_view own_session_text =
    "Service not available: the server connects to itself.";

/// The reply for such a session.
[[nodiscard]] std::string refusal_text(guard::Limit limit);

}  // namespace ballast::session
