// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "loop/task.h"
#include "session/journal.h"

#include <cstdint>
#include <expected>
#include <string>

namespace ballast::session {

/// Why a backend is not in the journal's state.
struct ReplayProblem {
    enum class Kind : std::uint8_t {
        incomplete,  ///< nothing was sent: the journal has a gap
        refused,     ///< it answered `line` with `reply`, which may be a 421
        elsewhere,   ///< `reply` names another directory than the first backend did
        lost,        ///< the connection, with `error`
    };
    Kind kind;
    std::string line;  ///< for logs; with `incomplete`: the gap
    ftp::Reply reply = {};
    base::Error error = {};
};
using Replayed = std::expected<void, ReplayProblem>;
/// Text for logs.
[[nodiscard]] std::string to_string(const ReplayProblem& problem);

/// Brings a freshly logged-in backend to the journal's state. The backend must accept each line.
/// The client's next command must follow directly, because the last line may be RNFR or REST. After
/// a failure the leg is in an unknown state. Both outlive the task.
[[nodiscard]] loop::Task<Replayed> replay(backend::Leg& leg, const Journal& journal);

/// Sends what the client set before there was a backend. The client got "noted" for it, so a
/// refusal is not a failure. A refused line leaves the journal. Both outlive the task.
[[nodiscard]] loop::Task<base::Result<>> say_owed(backend::Leg& leg, Journal& journal);

}  // namespace ballast::session
