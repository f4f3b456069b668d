// SPDX-License-Identifier: Apache-2.0
#include "daemon/operators.h"

#include "base/address.h"
#include "base/log.h"
#include "config/words.h"
#include "pool/pool.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <iterator>
#include <map>
#include <unistd.h>

namespace ballast::daemon {

namespace {

using pool::AdminState;

std::optional<admin::Moment> moment_of(const std::optional<loop::Time>& time) {
    if (!time) return std::nullopt;
    return std::chrono::system_clock::now() + std::chrono::duration_cast<admin::Moment::duration>(
                                                  *time - std::chrono::steady_clock::now());
}

std::vector<admin::ErrorCount> errors_of(const metrics::BackendFigures& figures) {
    std::vector<admin::ErrorCount> all;
    for (const auto cause : metrics::all_backend_errors)
        if (const auto count = figures.errors[static_cast<std::size_t>(cause)].load(); count > 0)
            all.push_back({std::string(to_string(cause)), count});
    return all;
}

std::string failover_of(const pool::Pool& pool) {
    return std::string(config::word_of(config::failovers, pool.settings()->failover));
}

admin::BackendState state_of(const pool::Pool& pool, const pool::Pool::Status& status) {
    const auto& figures = status.traffic->figures;
    return {.pool = pool.name(),
            .backend = status.backend.settings->name,
            .address = base::to_string(status.backend.address),
            .admin = status.admin,
            .health = std::string(pool::to_string(status.health)),
            .health_since = moment_of(status.health_since),
            .reason = status.reason,
            .is_ejected = status.is_ejected,
            .is_backup = status.backup,
            .failover = failover_of(pool),
            .weight = status.weight,
            .max_sessions = status.max_sessions,
            .sessions = status.sessions,
            .transfers = status.transfers,
            .sessions_elsewhere = status.sessions_elsewhere,
            .transfers_elsewhere = status.transfers_elsewhere,
            .bytes_per_second = status.bytes_per_second,
            .login_seconds = std::chrono::duration<double>(status.login_time).count(),
            .logins = figures.logins,
            .logins_refused = figures.logins_refused,
            .errors = errors_of(figures)};
}

admin::StickState state_of(pool::Pool::Remembered entry) {
    return {.client = std::move(entry.network),
            .user = std::move(entry.user),
            .backend = std::move(entry.backend),
            .sessions = entry.sessions,
            .last_used = moment_of(entry.last_used).value()};
}

}  // namespace

admin::Actions Operators::actions() {
    return {
        .reload = {},
        .upgrade = {},
        .has_new_program = {},
        .generations = [this] { return generations(); },
        .reopen =
            [this] {
                reopen();
                return base::Result<>();
            },
        .administer =
            [this](auto pool, auto name, auto state) {
                return administer({std::string(pool), std::string(name), state});
            },
        .administer_all =
            [this](auto state) { obey(words_of(Inheritance::Decision{{}, {}, state})); },
        .backends = [this] { return backends(); },
        .balancer = [this] { return balancer(); },
        .metrics = {},
        .sessions = {},
        .session = {},
        .act = {},
        .listeners = {},
        .pools = {},
        .bans = {},
        .certificates = {},
        .limits = {},
        .probes = {},
        .surveys = {},
        .configuration = {},
        .tune = [this](auto pool, auto name, auto what,
                       auto value) { return tune(pool, name, what, value); },
        .probe_now =
            [this](auto pool, auto name) {
                auto* const prober = serving_.prober();
                return prober != nullptr && prober->probe_now(pool, name);
            },
        .unban =
            [this](const auto& client, auto user) {
                return ledger_.unban(client, user, std::chrono::steady_clock::now());
            },
        .stickiness = [this](auto pool, auto after,
                             auto max) { return stickiness(pool, after, max); },
        .stickiness_of = [this](auto pool,
                                const auto& client) { return stickiness_of(pool, client); },
        .set_log_level = [](auto level) { log::set_level(level); },
        .forget_stickiness = [this](auto pool, const auto& client,
                                    auto user) { return forget_stickiness(pool, client, user); }};
}

bool Operators::tune(std::string_view pool, std::string_view backend, admin::Tuned what,
                     std::optional<std::uint32_t> value) {
    const auto* const served = pools().find(pool);
    if (served == nullptr) return false;
    auto tuning = served->pool->tuning(backend);
    (what == admin::Tuned::weight ? tuning.weight : tuning.max_sessions) = value;
    return served->pool->tune(backend, tuning);
}

void Operators::tune(const Inheritance::Tuned& tuned) {
    if (const auto* const served = pools().find(tuned.pool))
        (void)served->pool->tune(tuned.backend, tuned.tuning);
}

std::vector<Inheritance::Tuned> Operators::tuned() const {
    std::vector<Inheritance::Tuned> all;
    for (const auto& served : pools().all())
        for (const auto& named : served.pool->names())
            if (const auto tuning = served.pool->tuning(named.name); tuning != pool::Tuning())
                all.push_back({served.pool->name(), named.name, tuning});
    return all;
}

std::optional<admin::StickSlice> Operators::stickiness(std::string_view pool, std::uint64_t after,
                                                       std::size_t max) const {
    const auto* const served = pools().find(pool);
    if (served == nullptr) return std::nullopt;
    auto found = served->pool->remembered(after, max);
    admin::StickSlice slice{.entries = {}, .next = found.next};
    for (auto& entry : found.entries) {
        const auto number = entry.number;
        slice.entries.emplace_back(number, state_of(std::move(entry)));
    }
    return slice;
}

std::optional<admin::StickState> Operators::stickiness_of(std::string_view pool,
                                                          const base::Ip& client) const {
    const auto* const served = pools().find(pool);
    auto found = served != nullptr ? served->pool->remembered({client, {}}) : std::nullopt;
    // In a pool that sticks by user, the address says nothing.
    if (!found || found->network.empty()) return std::nullopt;
    return state_of(std::move(*found));
}

std::optional<std::size_t> Operators::forget_stickiness(std::string_view pool,
                                                        const std::optional<base::Ip>& client,
                                                        std::string_view user) {
    const auto* const served = pools().find(pool);
    if (served == nullptr) return std::nullopt;
    if (!client && user.empty()) return served->pool->forget_all_clients();
    return served->pool->forget_client({client.value_or(base::Ip()), user}) ? 1 : 0;
}

bool Operators::administer(const Inheritance::Decision& decision) {
    predecessor_.tell(words_of(decision));
    return decide(decision);
}

bool Operators::decide(const Inheritance::Decision& decision) {
    if (decision.pool.empty()) {
        availability_.set(decision.state, workers_, pools());
        return true;
    }
    const auto* const served = pools().find(decision.pool);
    return served != nullptr && served->pool->administer(decision.backend, decision.state);
}

void Operators::obey(std::string_view message) {
    if (message == reopen_word)
        log::reopen();
    else if (const auto decision = decision_from(message))
        (void)decide(*decision);
    predecessor_.tell(std::string(message));
}

void Operators::pools_changed() {
    for (const auto& served : pools().all()) availability_.apply_to(*served.pool);
}

std::vector<Inheritance::Decision> Operators::decisions() const {
    std::vector<Inheritance::Decision> all = {{{}, {}, availability_.state()}};
    for (const auto& served : pools().all())
        for (const auto& named : served.pool->names())
            all.push_back({served.pool->name(), named.name, named.admin});
    std::erase_if(all, [](const auto& each) { return each.state == AdminState::ready; });
    return all;
}

admin::Generation Operators::load() const {
    admin::Generation load{.pid = ::getpid()};
    for (const auto& worker : workers_) {
        load.sessions += worker->sessions();
        load.transfers += worker->transfers();
    }
    return load;
}

std::vector<admin::Generation> Operators::generations() const {
    std::vector<admin::Generation> all = {load()};
    std::ranges::copy(predecessor_.generations(), std::back_inserter(all));
    return all;
}

std::vector<std::string> Operators::load_words() const {
    std::vector<std::string> all = {"load"};
    for (const auto& each : generations())
        all.front() += fmt::format(" {} {} {}", each.pid, each.sessions, each.transfers);
    for (const auto& each : backends())
        if (each.sessions > 0)
            all.push_back(fmt::format("seats {} {} {} {} {}", each.pool, each.backend, each.address,
                                      each.sessions, each.transfers));
    return all;
}

/// One for each address, and one without for a name that has none, or has sessions at former ones.
std::vector<admin::BackendState> Operators::backends_here() const {
    std::vector<admin::BackendState> all;
    for (const auto& served : pools().all()) {
        std::map<std::string, std::uint32_t> seen;  // sessions by name
        for (const auto& status : served.pool->status()) {
            all.push_back(state_of(*served.pool, status));
            seen[all.back().backend] += status.sessions;
        }
        for (const auto& named : served.pool->names()) {
            const auto known = seen.find(named.name);
            if (known != seen.end() && named.sessions <= known->second) continue;
            admin::BackendState left;
            left.pool = served.pool->name();
            left.backend = named.name;
            left.admin = named.admin;
            left.failover = failover_of(*served.pool);
            left.health = pool::to_string(pool::Health::unknown);
            left.sessions = named.sessions - (known == seen.end() ? 0 : known->second);
            all.push_back(std::move(left));
        }
    }
    return all;
}

/// With the sessions of replaced processes.
std::vector<admin::BackendState> Operators::backends() const {
    auto all = backends_here();
    for (const auto& former : predecessor_.seats()) {
        const auto is_same = [&](const admin::BackendState& each) {
            return each.pool == former.pool && each.backend == former.backend &&
                   each.address == former.address;
        };
        const auto known = std::ranges::find_if(all, is_same);
        if (known == all.end()) {
            all.push_back(former);
            continue;
        }
        known->sessions += former.sessions;
        known->transfers += former.transfers;
    }
    return all;
}

admin::BalancerState Operators::balancer() const {
    admin::BalancerState state{.admin = availability_.state()};
    for (const auto& each : generations()) state.sessions += each.sessions;
    return state;
}

}  // namespace ballast::daemon
