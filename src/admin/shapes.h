// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "admin/shape.h"

#include <array>
#include <tuple>

/// How the structs of facts.h are shown.
namespace ballast::admin {

inline constexpr std::array<std::string_view, 4> admin_states = {"ready", "drain", "drain-idle",
                                                                 "disabled"};
inline constexpr std::array<std::string_view, 3> health_states = {"up", "down", "unknown"};

template <>
struct Shape<Generation> {
    static constexpr auto fields =
        std::tuple(Field{"pid", &Generation::pid, "The process."},
                   Field{"sessions", &Generation::sessions, "Its sessions."},
                   Field{"transfers", &Generation::transfers, "Those of them that transfer now."});
};

template <>
struct Shape<BackendState> {
    static constexpr auto fields = std::tuple(
        Field{"pool", &BackendState::pool, "The pool's name."},
        Field{"backend", &BackendState::backend, "The configured name."},
        Field{"address", &BackendState::address,
              "Address and port; empty if the name leads to none."},
        Field{"state", &BackendState::admin, "What an operator has decided.", admin_states},
        Field{"health", &BackendState::health, "What its probes say.", health_states},
        Field{"ejected", &BackendState::is_ejected,
              "Sessions have met failures: it serves only if no other can."},
        Field{"backup", &BackendState::is_backup, "It serves only if no other can."},
        Field{"sessions", &BackendState::sessions, "Sessions that it has now."},
        Field{"transfers", &BackendState::transfers, "Transfers that run now."});
};

template <>
struct Shape<BalancerState> {
    static constexpr auto fields = std::tuple(
        Field{"state", &BalancerState::admin, "What an operator has decided.", admin_states},
        Field{"sessions", &BalancerState::sessions,
              "Sessions of all listeners and of replaced processes."});
};

}  // namespace ballast::admin
