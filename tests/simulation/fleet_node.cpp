// SPDX-License-Identifier: Apache-2.0
#include "simulation/fleet_node.h"

#include <algorithm>
#include <utility>

namespace ballast::simulation {

using namespace std::chrono_literals;

FleetProcess::FleetProcess(loop::Loop& loop, cluster::Store& store, const net::Secret& secret,
                           const Settings& settings)
    : loop_(loop),
      ledger_(std::make_shared<config::Limits>(settings.limits), 10'000, loop.now()),
      pool_(std::make_shared<pool::Pool>(
          settings.pool, [&loop] { return loop.now(); }, settings.seed)) {
    const cluster::Fleet::Settings of_fleet{
        .node = settings.node, .heartbeat = settings.heartbeat, .seed = settings.seed};
    fleet_ = std::make_unique<cluster::Fleet>(
        loop, store, secret, of_fleet,
        cluster::Fleet::Parts{.look = [] { return cluster::NodeFacts(); },
                              .obey =
                                  [this](const auto& decision) {
                                      return pool_->administer(decision.backend, *decision.state);
                                  },
                              .answer = {},
                              .ledger = ledger_});
    fleet_->set_pools({pool_});
    fleet_->start();
}

std::optional<std::string> FleetProcess::begin_session(const std::string& client) {
    // Each address has one user.
    auto place = ledger_.logged_in({pool_->name(), client});
    if (!place) return std::nullopt;
    auto seat = pool_->choose({base::Ip::parse(client).value(), client}, {});
    if (!seat) return std::nullopt;
    seat->logged_in(1ms);
    const auto backend = seat->backend().name;
    sessions_.push_back({client, std::move(*place), std::move(*seat)});
    return backend;
}

std::uint32_t FleetProcess::sessions_on(std::string_view backend) const {
    return static_cast<std::uint32_t>(std::ranges::count_if(
        sessions_, [&](const auto& each) { return each.seat.backend().name == backend; }));
}

bool FleetProcess::sees(std::string_view node) const {
    return std::ranges::any_of(fleet_->nodes(),
                               [&](const auto& each) { return each.name == node; });
}

void FleetProcess::fail(const std::string& client) {
    (void)ledger_.login_failed({pool_->name(), {}}, base::Ip::parse(client).value(), loop_.now());
}

void FleetProcess::lift(const std::string& client) {
    (void)ledger_.unban(base::Ip::parse(client).value(), {}, loop_.now());
}

bool FleetProcess::has_banned(const std::string& client) {
    return ledger_.ban_of({pool_->name(), {}}, base::Ip::parse(client).value(), loop_.now())
        .has_value();
}

bool FleetProcess::lets_in(const std::string& client) {
    return ledger_.logged_in({pool_->name(), client}).has_value();
}

void FleetProcess::decide(const std::string& backend, pool::AdminState state) {
    (void)pool_->administer(backend, state);
    fleet_->decided({.pool = pool_->name(), .backend = backend, .state = state});
}

pool::AdminState FleetProcess::state_of(std::string_view backend) const {
    for (const auto& each : pool_->names())
        if (each.name == backend) return each.admin;
    return pool::AdminState::ready;
}

}  // namespace ballast::simulation
