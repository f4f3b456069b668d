// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace ballast::admin {

/// What the API may do to a daemon, remembered. It must outlive its actions.
struct FakeDaemon {
    std::vector<BackendState> backends = {backend("files", "f1"), backend("files", "f2"),
                                          backend("odd/pool", "a\nb/c")};
    BalancerState balancer{.admin = pool::AdminState::ready, .sessions = 7};
    std::vector<Actions::Reloaded> reloads;   ///< not answered yet
    std::vector<Actions::Upgraded> upgrades;  ///< likewise
    bool has_new_program = false;
    std::vector<Generation> generations = {{41, 5, 2}, {17, 1, 0}};
    int reopened = 0;
    bool can_reopen = true;

    static BackendState backend(std::string pool, std::string name) {
        BackendState state;
        state.pool = std::move(pool);
        state.backend = std::move(name);
        state.address = "192.0.2.1:21";
        state.health = "up";
        state.sessions = 3;
        return state;
    }

    bool administer(std::string_view pool, std::string_view name, pool::AdminState state) {
        bool is_known = false;
        for (auto& each : backends) {
            if (each.pool != pool || each.backend != name) continue;
            each.admin = state;
            is_known = true;
        }
        return is_known;
    }

    base::Result<> reopen() {
        ++reopened;
        if (can_reopen) return {};
        return std::unexpected(base::Error{base::Fault::internal,
                                           std::make_error_code(std::errc::permission_denied),
                                           "cannot open /var/log/x"});
    }

    Actions actions() {
        return {.reload = [this](Actions::Reloaded done) { reloads.push_back(std::move(done)); },
                .upgrade = [this](Actions::Upgraded done) { upgrades.push_back(std::move(done)); },
                .has_new_program = [this] { return has_new_program; },
                .generations = [this] { return generations; },
                .reopen = [this] { return reopen(); },
                .administer = [this](auto pool, auto name,
                                     auto state) { return administer(pool, name, state); },
                .administer_all = [this](auto state) { balancer.admin = state; },
                .backends = [this] { return backends; },
                .balancer = [this] { return balancer; }};
    }
};

}  // namespace ballast::admin
