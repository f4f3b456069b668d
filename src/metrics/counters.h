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
    sessions_without_backend,  ///< ended with 421: no backend could be had
    logins,                    ///< 230 from a backend
    logins_refused,            ///< 530 from a backend
    backend_attempts_failed,   ///< connect, greeting or 421: the next backend was tried
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
    passive_ports_exhausted,      ///< 425: no port of the range was free for the client
    data_connections_stray,       ///< came to a passive port where nobody waited for them
    data_connections_missing,     ///< the client never opened its data connection
    private_addresses_announced,  ///< PASV told a public client a private address
    active_source_port_busy,      ///< the fixed source port was in use, another was taken
    accepts_paused,               ///< out of descriptors
    probes_passed,
    probes_failed,
};

inline constexpr std::size_t counter_count = static_cast<std::size_t>(Counter::probes_failed) + 1;

/// From any thread.
void count(Counter counter, std::uint64_t by = 1);
[[nodiscard]] std::uint64_t total(Counter counter);
/// The name operators see, "sessions_accepted".
[[nodiscard]] std::string_view name_of(Counter counter);

}  // namespace ballast::metrics
