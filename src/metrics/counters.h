// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Counts events. Each thread has its own counters, so counting is a plain addition. Reading sums
/// over all threads, ended ones included.
namespace ballast::metrics {

/// Each has a row in counters.cpp, in the same order.
enum class Counter : std::uint8_t {
    sessions_accepted,
    sessions_not_admitted,
    sessions_from_ourselves,
    limit_sessions,
    limit_session_rate,
    limit_sessions_per_address,
    limit_session_rate_per_address,
    limit_sessions_per_user,
    limit_memory,
    limit_login_rate,
    limit_login_rate_per_address,
    limit_transfers,
    limit_command_bytes,
    limit_pipelined_bytes,
    limit_reply_bytes,
    limit_bandwidth,
    bans_begun,
    refused_by_ban,
    sessions_broken,
    sessions_without_backend,
    sessions_without_route,
    sessions_rejected,
    sessions_queued,
    seats_recalled,
    sessions_fallen_back,
    sessions_passed_through,
    sessions_moved_lost,
    sessions_moved_down,
    sessions_moved_drained,
    sessions_moved_disabled,
    sessions_moved_rebalanced,
    sessions_not_moved,
    commands_delayed,
    commands_refused,
    logins,
    logins_refused,
    backend_attempts_failed,
    backend_connections_warm,
    backend_replies_unasked,
    limit_replies_unasked,
    backend_connections_lost,
    transfers_whole,
    transfers_failed,
    transfers_aborted,
    transfers_refused,
    transfers_lent,
    transfers_resumed,
    transfers_without_other_backend,
    transfers_that_differ,
    transfers_not_resumable,
    bytes_resumed,
    bytes_downloaded,
    bytes_uploaded,
    bytes_spliced,
    bytes_spliced_into_tls,
    bytes_copied,
    bytes_copied_by_tls,
    bytes_forwarded,
    forwardings_refused,
    passive_ports_lent,
    passive_ports_exhausted,
    data_connections_stray,
    passive_accepts_delayed,
    passive_ports_spared,
    data_connections_missing,
    data_connections_passed_through,
    private_addresses_announced,
    active_source_port_busy,
    log_lines_lost,
    worker_turns_long,
    worker_turns_stuck,
    accepts_paused,
    accepts_refused,
    proxy_headers_refused,
    probes_passed,
    probes_failed,
    probes_not_made,
    surveys_failed,
    tls_control_handshakes,
    tls_control_handshakes_resumed,
    tls_1_3,
    tls_1_2,
    tls_older,
    tls_data_handshakes_resumed,
    tls_data_handshakes_full,
    tls_handshakes_failed,
    tls_tickets_of_others,
    tls_backend_control_handshakes,
    tls_backend_1_3,
    tls_backend_1_2,
    tls_backend_older,
    tls_backend_data_handshakes_resumed,
    tls_backend_data_handshakes_full,
    tls_backend_handshakes_failed,
    tls_data_connections_in_kernel,
    bytes_encrypted,
    bytes_decrypted,
    data_ends_without_close_notify,
    reloads,
    reloads_refused,
    upgrades_failed,
    store_failures,
    store_entries_unreadable,
};

/// A counter as operators see it.
struct CounterRow {
    Counter counter;
    std::string_view name;  ///< "sessions_accepted"
    std::string_view help;  ///< one sentence: when it grows, or what it counts
};
[[nodiscard]] std::span<const CounterRow> all_counters();

/// From any thread.
void count(Counter counter, std::uint64_t by = 1);
[[nodiscard]] std::uint64_t total(Counter counter);
/// All of them, in the order of the rows.
[[nodiscard]] std::vector<std::uint64_t> totals();

}  // namespace ballast::metrics
