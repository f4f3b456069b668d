// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ballast::pool {

/// What the administrator has decided about a backend, from the mildest to the hardest. It is
/// independent of the backend's health: probes go on in every state.
enum class AdminState : std::uint8_t {
    ready,
    draining,       ///< no new sessions; those that are there go on
    draining_idle,  ///< no new sessions; the others end as soon as they are idle
    disabled,       ///< no sessions
};
/// "ready", "drain", "drain-idle", "disabled".
[[nodiscard]] std::string_view to_string(AdminState state);
/// Empty: it is none of these names.
[[nodiscard]] std::optional<AdminState> admin_state_from(std::string_view name);

}  // namespace ballast::pool
