// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"
#include "loop/task.h"
#include "session/journal.h"

#include <cstdint>
#include <expected>
#include <string>

namespace ballast::session {

/// Why a backend is not in a journal's state.
struct ReplayProblem {
    enum class Kind : std::uint8_t {
        incomplete,  ///< nothing was said to it: the journal does not know all
        refused,     ///< it answered `line` with `reply`, which may be a 421
        elsewhere,   ///< `reply` tells another directory than the first backend told
        lost,        ///< the connection, with `error`
    };
    Kind kind;
    std::string line;  ///< for logs; of `incomplete`: what is not known
    ftp::Reply reply = {};
    base::Error error = {};
};
using Replayed = std::expected<void, ReplayProblem>;
/// For logs.
[[nodiscard]] std::string to_string(const ReplayProblem& problem);

/// Brings a freshly logged-in backend to the journal's state. Each line must be accepted. Nothing
/// may be said to the backend between this and the client's next command: the last line may be
/// RNFR or REST. After a failure the leg is in an unknown state. Both outlive the task.
[[nodiscard]] loop::Task<Replayed> replay(backend::Leg& leg, const Journal& journal);

/// Says what the client set before there was a backend. The client was told "noted", so a refusal
/// is no failure; what is refused is in the journal no more. Both outlive the task.
[[nodiscard]] loop::Task<base::Result<>> say_owed(backend::Leg& leg, Journal& journal);

}  // namespace ballast::session
