// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What happened, counted. Each thread counts in memory of its own, so counting is a plain
/// addition; reading sums over all threads, the ended ones included.
namespace ballast::metrics {

enum class Counter : std::uint8_t {
    sessions_accepted,
    sessions_not_admitted,    ///< refused by the listener's networks
    sessions_from_ourselves,  ///< refused: a backend leads back to a listener
    limit_sessions,           ///< refused: of the process or a listener there were enough
    limit_session_rate,       ///< refused: too many came at once
    limit_sessions_per_address,
    limit_session_rate_per_address,
    limit_sessions_per_user,
    limit_memory,
    limit_login_rate,  ///< a log-in waited: too many connections to backends were begun
    limit_login_rate_per_address,
    limit_transfers,           ///< 425: there were enough
    limit_command_bytes,       ///< 500: the line was longer
    limit_pipelined_bytes,     ///< a client said so much ahead that it was not read for a while
    limit_reply_bytes,         ///< a backend was left because its reply did not end
    limit_bandwidth,           ///< a transfer slept until its turn came
    bans_begun,                ///< of an address, or of a user from one
    refused_by_ban,            ///< sessions and log-ins
    sessions_broken,           ///< ended because Ballast had no memory left for them
    sessions_without_backend,  ///< ended with 421: no backend could be had
    sessions_without_route,    ///< refused: no route leads to a pool
    sessions_rejected,         ///< by a route with `reject`
    sessions_queued,           ///< waited for a seat
    seats_recalled,            ///< of sessions that had not logged in, for others
    sessions_fallen_back,      ///< sent to a fallback pool
    sessions_passed_through,   ///< their TLS ends at a backend
    commands_delayed,          ///< beyond the listener's `command_rate`
    commands_refused,          ///< by the listener's policy
    logins,                    ///< 230 from a backend
    logins_refused,            ///< 530 from a backend
    backend_attempts_failed,   ///< connect, greeting or 421: the next backend was tried
    backend_replies_unasked,   ///< dropped: no command was waiting for them
    limit_replies_unasked,     ///< a backend was left because it said far more than it was asked
    backend_connections_lost,  ///< a logged-in session's backend went away
    transfers_whole,
    transfers_failed,
    transfers_aborted,
    transfers_refused,  ///< the backend said no before any data
    bytes_downloaded,   ///< delivered to clients
    bytes_uploaded,     ///< delivered to backends
    bytes_spliced,      ///< of these, moved inside the kernel
    bytes_copied,       ///< of these, moved through memory
    passive_ports_lent,
    passive_ports_exhausted,   ///< 425: no port of the range was free for the client
    data_connections_stray,    ///< came to a passive port where nobody waited for them
    passive_accepts_delayed,   ///< more came to one port at once than may
    passive_ports_spared,      ///< not lent for a while: too many strays
    data_connections_missing,  ///< the client never opened its data connection
    data_connections_passed_through,
    private_addresses_announced,  ///< PASV told a public client a private address
    active_source_port_busy,      ///< the fixed source port was in use, another was taken
    log_lines_lost,               ///< a log could not be written fast enough, or not at all
    worker_turns_long,            ///< of a worker's loop, 100 ms or more: all its sessions waited
    worker_turns_stuck,           ///< seconds in which a turn had taken a second or more already
    accepts_paused,               ///< out of descriptors
    accepts_refused,              ///< 421 by the reserve descriptor
    proxy_headers_refused,        ///< missing, malformed or late
    probes_passed,
    probes_failed,
    probes_not_made,  ///< for want of descriptors, source ports or memory: nothing was learnt
    surveys_failed,
    tls_control_handshakes,          ///< with clients, control connections
    tls_data_handshakes_resumed,     ///< with clients, resuming the control connection's session
    tls_data_handshakes_full,        ///< with clients, without
    tls_handshakes_failed,           ///< with clients
    tls_tickets_of_others,           ///< a data connection showed another session's ticket
    tls_backend_control_handshakes,  ///< with backends, control connections
    tls_backend_data_handshakes_resumed,
    tls_backend_data_handshakes_full,
    tls_backend_handshakes_failed,
    tls_data_connections_in_kernel,  ///< the kernel encrypts what is sent
    bytes_encrypted,                 ///< by OpenSSL, on data connections
    bytes_decrypted,                 ///< by OpenSSL, on data connections
    data_ends_without_close_notify,  ///< data under TLS ended by TCP alone
};

inline constexpr std::size_t counter_count =
    static_cast<std::size_t>(Counter::data_ends_without_close_notify) + 1;

/// From any thread.
void count(Counter counter, std::uint64_t by = 1);
[[nodiscard]] std::uint64_t total(Counter counter);
/// The name operators see, "sessions_accepted".
[[nodiscard]] std::string_view name_of(Counter counter);

}  // namespace ballast::metrics
