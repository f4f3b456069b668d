// SPDX-License-Identifier: Apache-2.0
#include "daemon/operators.h"

#include "base/address.h"
#include "base/log.h"
#include "pool/pool.h"

#include <string>
#include <unistd.h>
#include <utility>

namespace ballast::daemon {

namespace {

using pool::AdminState;

std::string_view to_string(pool::Health health) {
    switch (health) {
        case pool::Health::unknown: return "unknown";
        case pool::Health::up: return "up";
        case pool::Health::down: return "down";
    }
    std::terminate();  // -Wswitch makes a missing case a build error
}

admin::BackendState state_of(const pool::Pool& pool, const pool::Pool::Status& status) {
    return {.pool = pool.name(),
            .backend = status.backend.settings->name,
            .address = base::to_string(status.backend.address),
            .admin = status.admin,
            .health = std::string(to_string(status.health)),
            .is_ejected = status.is_ejected,
            .is_backup = status.backup,
            .sessions = status.sessions,
            .transfers = status.transfers};
}

}  // namespace

admin::Actions Operators::actions() {
    return {.reload = {},
            .upgrade = {},
            .has_new_program = {},
            .generations = {},
            .reopen =
                [] {
                    log::reopen();
                    return base::Result<>();
                },
            .administer = [this](auto pool, auto backend,
                                 auto state) { return administer(pool, backend, state); },
            .administer_all = [this](auto state) { administer_all(state); },
            .backends = [this] { return backends(); },
            .balancer = [this] { return balancer(); }};
}

std::vector<Inheritance::Decision> Operators::decisions() const {
    std::vector<Inheritance::Decision> all = {{{}, {}, availability_.state()}};
    for (const auto& served : pools_().all())
        for (const auto& status : served.pool->status())
            all.push_back({served.pool->name(), status.backend.settings->name, status.admin});
    std::erase_if(all, [](const auto& each) { return each.state == AdminState::ready; });
    return all;
}

void Operators::decide(const Inheritance::Decision& decision) {
    if (decision.pool.empty())
        administer_all(decision.state);
    else
        (void)administer(decision.pool, decision.backend, decision.state);
}

admin::Generation Operators::load() const {
    admin::Generation load{.pid = ::getpid()};
    for (const auto& worker : workers_) {
        load.sessions += worker->sessions();
        load.transfers += worker->transfers();
    }
    return load;
}

bool Operators::administer(std::string_view pool, std::string_view backend, AdminState state) {
    const auto* const served = pools_().find(pool);
    return served != nullptr && served->pool->administer(backend, state);
}

void Operators::administer_all(AdminState state) { availability_.set(state, workers_, pools_()); }

void Operators::pools_changed() {
    for (const auto& served : pools_().all()) availability_.apply_to(*served.pool);
}

std::vector<admin::BackendState> Operators::backends() const {
    std::vector<admin::BackendState> all;
    for (const auto& served : pools_().all())
        for (const auto& status : served.pool->status())
            all.push_back(state_of(*served.pool, status));
    return all;
}

admin::BalancerState Operators::balancer() const {
    admin::BalancerState state{.admin = availability_.state()};
    for (const auto& worker : workers_) state.sessions += worker->sessions();
    return state;
}

}  // namespace ballast::daemon
