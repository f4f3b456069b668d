// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "config/config.h"
#include "metrics/counters.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ballast::guard {

struct Rules;

/// Each limit has a row in limit.cpp, in the same order.
enum class Limit : std::uint8_t {
    sessions,
    session_rate,
    memory,
    sessions_of_listener,
    sessions_of_address,
    session_rate_of_address,
    banned_address,
    sessions_of_user,
    banned_user,
    login_rate,
    login_rate_of_address,
    transfers,
    login_attempts,
    command_rate,
    command_bytes,
};

/// What is reported when a limit is reached. The ledger decides when that is; for limits of a
/// single session, the session does.
struct LimitRow {
    Limit limit;
    std::optional<metrics::Counter> counter;
    std::string_view text;  ///< for logs and for the client: "too many sessions"
    std::string_view key;   ///< the setting: "limits.sessions", or ".max_sessions" of a listener
    std::string_view cure;  ///< what the operator can do about it
    base::Blame fault;      ///< `configuration` where clients share the limit
    /// The limit in force, whether configured or chosen by Ballast.
    std::uint64_t (*value)(const Rules& rules, const config::Listener& listener);
};
[[nodiscard]] std::span<const LimitRow> all_limits();
[[nodiscard]] const LimitRow& row_of(Limit limit);

}  // namespace ballast::guard
