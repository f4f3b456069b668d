// SPDX-License-Identifier: Apache-2.0
#include "pool/admin_state.h"

#include <array>
#include <exception>

namespace ballast::pool {

std::string_view to_string(AdminState state) {
    switch (state) {
        case AdminState::ready: return "ready";
        case AdminState::draining: return "drain";
        case AdminState::draining_move: return "drain-move";
        case AdminState::draining_idle: return "drain-idle";
        case AdminState::disabled: return "disabled";
    }
    std::terminate();
}

std::optional<AdminState> admin_state_from(std::string_view name) {
    constexpr std::array all = {AdminState::ready, AdminState::draining, AdminState::draining_move,
                                AdminState::draining_idle, AdminState::disabled};
    for (const auto state : all)
        if (to_string(state) == name) return state;
    return std::nullopt;
}

}  // namespace ballast::pool
