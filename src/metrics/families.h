// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ballast::metrics {

/// A family of metrics as Prometheus sees it. Each has a row in families.cpp, in the same order.
enum class Family : std::uint8_t {
    // The process
    build_info,
    process_start_time,
    process_cpu,
    process_memory,
    process_open_fds,
    process_max_fds,
    state,
    replaced_processes,
    replaced_process_sessions,
    reloads,
    last_reload_successful,
    last_reload_success_time,
    upgrades_failed,
    log_lines_lost,
    // Workers
    worker_sessions,
    worker_transfers,
    worker_lag,
    worker_turn,
    worker_turns_long,
    worker_stuck,
    // Sessions
    sessions,
    sessions_max,
    sessions_begun,
    sessions_refused,
    sessions_queued,
    sessions_fallen_back,
    sessions_passed_through,
    sessions_moved,
    sessions_not_moved,
    seats_recalled,
    accepts_paused,
    listener_sessions,
    listener_transfers,
    listener_sessions_begun,
    limits_reached,
    bans,
    bans_begun,
    logins,
    commands,
    commands_delayed,
    commands_refused,
    // Transfers
    transfers_running,
    transfers_max,
    transfers,
    transfer_size,
    transfer_duration,
    transfer_rate,
    transfers_lent,
    transfers_resumed,
    transfers_not_resumed,
    resumed_bytes,
    resumption_pause,
    transferred_bytes,
    relayed_bytes,
    forwardings_refused,
    openssl_bytes,
    passive_ports,
    passive_ports_lent,
    passive_ports_exhausted,
    passive_ports_spared,
    passive_accepts_delayed,
    data_connections_stray,
    data_connections_missing,
    data_connections_passed_through,
    data_ends_without_close_notify,
    private_addresses_announced,
    active_source_port_busy,
    // TLS
    tls_handshakes,
    tls_resumptions,
    tls_handshakes_failed,
    tls_versions,
    tls_tickets_of_others,
    tls_kernel_connections,
    certificate_expiry,
    // The cluster
    nodes,
    store_reachable,
    store_failures,
    store_entries_unreadable,
    // Pools
    pool_backends,
    pool_serving_backends,
    pool_queue,
    // Backends
    backend_health,
    backend_state,
    backend_ejected,
    backend_serving,
    backend_sessions,
    backend_sessions_max,
    backend_weight,
    backend_transfers_running,
    backend_certificate_expiry,
    backend_logins,
    backend_transfers,
    backend_transferred_bytes,
    backend_errors,
    backend_probes,
    backend_probe,
    backend_connect,
    backend_greeting,
    backend_login,
    backend_first_byte,
    backend_attempts_failed,
    backend_connections_lost,
    backend_connections_warm,
    backend_replies_unasked,
    probes,
    surveys_failed,
};

enum class Type : std::uint8_t { counter, gauge, histogram };
[[nodiscard]] std::string_view to_string(Type type);

struct FamilyRow {
    static constexpr std::size_t labels_max = 5;
    using Labels = std::array<std::string_view, labels_max>;

    Family family;
    std::string_view name;  ///< "ballast_logins_total"
    Type type;
    Labels labels;          ///< their names; the empty ones behind them do not count
    std::string_view help;  ///< one sentence
};
[[nodiscard]] std::span<const FamilyRow> all_families();
[[nodiscard]] const FamilyRow& row_of(Family family);

/// The table of docs/metrics.md: one line of Markdown for each family.
[[nodiscard]] std::string families_as_markdown();

}  // namespace ballast::metrics
