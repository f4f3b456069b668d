// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ballast::pool {

/// What the administrator has decided about a backend, from the mildest to the hardest. It is
/// independent of the backend's health: probes go on in every state.
enum class AdminState : std::uint8_t {
    ready,
    draining,  ///< no new sessions; those that are there go on, or move while idle: see `failover`
    draining_move,  ///< no new sessions; the others move to other backends, with their downloads
    draining_idle,  ///< no new sessions; the others end as soon as they are idle
    disabled,       ///< no sessions
};
/// The state in force for one backend's name, shared by its members and their seats. The pool
/// changes it under its lock; any thread may read it.
using AdminCell = std::atomic<AdminState>;

/// "ready", "drain", "drain-move", "drain-idle", "disabled".
[[nodiscard]] std::string_view to_string(AdminState state);
/// Empty: it is none of these names.
[[nodiscard]] std::optional<AdminState> admin_state_from(std::string_view name);

}  // namespace ballast::pool
