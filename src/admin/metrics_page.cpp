// SPDX-License-Identifier: Apache-2.0
#include "admin/metrics_page.h"

#include "metrics/exposition.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace ballast::admin {

namespace {

using F = metrics::Family;
using metrics::Exposition;
using pool::AdminState;
using pool::Health;

constexpr auto all_states =
    std::to_array({AdminState::ready, AdminState::draining, AdminState::draining_move,
                   AdminState::draining_idle, AdminState::disabled});
/// The whole balancer's sessions have nowhere to move.
constexpr auto balancer_states = std::to_array(
    {AdminState::ready, AdminState::draining, AdminState::draining_idle, AdminState::disabled});
constexpr auto all_healths = std::to_array({Health::up, Health::down, Health::unknown});

void add_process(Exposition& page, const MetricsSnapshot& all) {
    page.add(F::build_info, {BALLAST_VERSION}, 1);
    const auto& process = all.process;
    page.add(F::process_start_time, {}, process.started_at);
    page.add(F::process_cpu, {}, process.cpu_seconds);
    page.add(F::process_memory, {}, static_cast<double>(process.memory_bytes));
    page.add(F::process_open_fds, {}, static_cast<double>(process.descriptors));
    page.add(F::process_max_fds, {}, static_cast<double>(process.descriptors_max));
    for (const auto state : balancer_states)
        page.add(F::state, {pool::to_string(state)}, all.state == state ? 1 : 0);
    page.add(F::replaced_processes, {}, static_cast<double>(all.replaced.size()));
    std::uint32_t sessions = 0;
    for (const auto& each : all.replaced) sessions += each.sessions;
    page.add(F::replaced_process_sessions, {}, sessions);
    page.add(F::last_reload_successful, {}, all.reload.was_applied ? 1 : 0);
    page.add(F::last_reload_success_time, {}, all.reload.applied_at);
    page.add(F::sessions, {}, all.sessions);
    page.add(F::sessions_max, {}, all.sessions_max);
    page.add(F::transfers_running, {}, all.transfers);
    if (all.transfers_max != 0) page.add(F::transfers_max, {}, all.transfers_max);
    page.add(F::bans, {}, static_cast<double>(all.bans));
    if (all.cluster) {
        page.add(F::nodes, {}, static_cast<double>(all.cluster->nodes));
        page.add(F::store_reachable, {}, all.cluster->is_store_reachable ? 1 : 0);
    }
    for (const auto& each : all.certificates)
        page.add(F::certificate_expiry, {each.listener, each.file},
                 static_cast<double>(each.expires_at));
}

void add_worker(Exposition& page, const MetricsSnapshot::Worker& worker, std::size_t index) {
    const auto name = fmt::format("{}", index);
    page.add(F::worker_sessions, {name}, worker.sessions);
    page.add(F::worker_transfers, {name}, worker.transfers);
    page.add(F::worker_lag, {name}, worker.lag);
    page.add(F::worker_turn, {name}, worker.turn_seconds);
}

void add_listener(Exposition& page, const MetricsSnapshot::Listener& listener) {
    const std::string_view name = listener.name;
    page.add(F::listener_sessions, {name}, listener.sessions);
    page.add(F::listener_transfers, {name}, listener.transfers);
    page.add(F::listener_sessions_begun, {name}, static_cast<double>(listener.sessions_begun));
    if (!listener.ports) return;
    page.add(F::passive_ports, {name, "in_use"}, listener.ports->in_use);
    page.add(F::passive_ports, {name, "kept"}, listener.ports->kept);
    page.add(F::passive_ports, {name, "free"}, listener.ports->free);
}

/// What a backend has been counted for; `pool`, `name` and `at` are its labels.
void add_figures(Exposition& page, const metrics::BackendFigures& figures, std::string_view pool,
                 std::string_view name, std::string_view at) {
    const auto number = [](std::uint64_t count) { return static_cast<double>(count); };
    page.add(F::backend_logins, {pool, name, at, "accepted"}, number(figures.logins));
    page.add(F::backend_logins, {pool, name, at, "refused"}, number(figures.logins_refused));
    for (const auto direction : metrics::all_directions) {
        const auto way = metrics::to_string(direction);
        for (const auto result : metrics::all_results)
            page.add(F::backend_transfers, {pool, name, at, way, metrics::to_string(result)},
                     number(figures.transfers.of(direction, result)));
        page.add(F::backend_transferred_bytes, {pool, name, at, way},
                 number(figures.bytes_of(direction)));
    }
    for (const auto error : metrics::all_backend_errors)
        page.add(F::backend_errors, {pool, name, at, metrics::to_string(error)},
                 number(figures.errors[static_cast<std::size_t>(error)]));
    for (const auto result : metrics::all_probe_results)
        page.add(F::backend_probes, {pool, name, at, metrics::to_string(result)},
                 number(figures.probes[static_cast<std::size_t>(result)]));
    page.add(F::backend_probe, {pool, name, at}, figures.probe.read());
    page.add(F::backend_connect, {pool, name, at}, figures.connect.read());
    page.add(F::backend_greeting, {pool, name, at}, figures.greeting.read());
    page.add(F::backend_login, {pool, name, at}, figures.login.read());
    page.add(F::backend_first_byte, {pool, name, at}, figures.first_byte.read());
}

void add_backend(Exposition& page, std::string_view pool, const MetricsSnapshot::Backend& backend) {
    const std::string_view name = backend.name;
    const std::string_view at = backend.address;
    for (const auto health : all_healths)
        page.add(F::backend_health, {pool, name, at, pool::to_string(health)},
                 backend.health == health ? 1 : 0);
    for (const auto state : all_states)
        page.add(F::backend_state, {pool, name, at, pool::to_string(state)},
                 backend.admin == state ? 1 : 0);
    page.add(F::backend_ejected, {pool, name, at}, backend.is_ejected ? 1 : 0);
    page.add(F::backend_serving, {pool, name, at}, backend.is_serving ? 1 : 0);
    page.add(F::backend_sessions, {pool, name, at}, backend.sessions);
    if (backend.sessions_max != 0)
        page.add(F::backend_sessions_max, {pool, name, at}, backend.sessions_max);
    page.add(F::backend_weight, {pool, name, at}, backend.weight);
    page.add(F::backend_transfers_running, {pool, name, at}, backend.transfers);
    if (backend.certificate_expires_at)
        page.add(F::backend_certificate_expiry, {pool, name, at},
                 static_cast<double>(*backend.certificate_expires_at));
    if (backend.figures) add_figures(page, *backend.figures, pool, name, at);
}

void add_pool(Exposition& page, const MetricsSnapshot::Pool& pool) {
    const auto serving =
        std::ranges::count_if(pool.backends, &MetricsSnapshot::Backend::is_serving);
    page.add(F::pool_backends, {pool.name}, static_cast<double>(pool.backends.size()));
    page.add(F::pool_serving_backends, {pool.name}, static_cast<double>(serving));
    page.add(F::pool_queue, {pool.name}, static_cast<double>(pool.queued));
    for (const auto& backend : pool.backends) add_backend(page, pool.name, backend);
}

}  // namespace

std::string metrics_page(const MetricsSnapshot& snapshot) {
    Exposition page;
    page.add_counts();
    add_process(page, snapshot);
    for (std::size_t i = 0; i < snapshot.workers.size(); ++i)
        add_worker(page, snapshot.workers[i], i);
    for (const auto& listener : snapshot.listeners) add_listener(page, listener);
    for (const auto& pool : snapshot.pools) add_pool(page, pool);
    return page.text();
}

std::string metrics_manual() { return metrics::families_as_markdown(); }

}  // namespace ballast::admin
