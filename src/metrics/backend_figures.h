// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics/histogram.h"
#include "metrics/transfers.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ballast::metrics {

/// Why a backend failed a session.
enum class BackendError : std::uint8_t {
    connect,   ///< no connection
    tls,       ///< the handshake on the control connection failed
    greeting,  ///< no greeting, or not a good one
    full,      ///< a 421 before the login
    login,     ///< no answer to USER or PASS
    lost,      ///< it went away under a session that had logged in
    data,      ///< it refused a data connection, or its protection, or could not be reached
};
inline constexpr auto all_backend_errors = std::to_array(
    {BackendError::connect, BackendError::tls, BackendError::greeting, BackendError::full,
     BackendError::login, BackendError::lost, BackendError::data});
[[nodiscard]] std::string_view to_string(BackendError error);

enum class ProbeResult : std::uint8_t { passed, failed, not_made };
inline constexpr auto all_probe_results =
    std::to_array({ProbeResult::passed, ProbeResult::failed, ProbeResult::not_made});
[[nodiscard]] std::string_view to_string(ProbeResult result);

/// What happened at one address of one backend. Any thread may add and read; nothing locks.
struct BackendFigures {
    using Count = std::atomic<std::uint64_t>;

    // Of sessions; probes are not among them
    Histogram connect{latency_scale};     ///< until the TCP connection was there
    Histogram greeting{latency_scale};    ///< from there to the greeting
    Histogram login{latency_scale};       ///< all that a log-in kept the client waiting
    Histogram first_byte{latency_scale};  ///< of downloads, from the command to the first byte
    Count logins = 0;
    Count logins_refused = 0;
    TransferCounts transfers;
    std::array<Count, all_directions.size()> bytes{};  ///< delivered, by `Direction`
    std::array<Count, all_backend_errors.size()> errors{};

    // Of probes
    Histogram probe{latency_scale};  ///< how long those took that passed
    std::array<Count, all_probe_results.size()> probes{};

    void add(BackendError error) {
        errors[static_cast<std::size_t>(error)].fetch_add(1, std::memory_order_relaxed);
    }
    void add(ProbeResult result) {
        probes[static_cast<std::size_t>(result)].fetch_add(1, std::memory_order_relaxed);
    }
    [[nodiscard]] Count& bytes_of(Direction direction) {
        return bytes[static_cast<std::size_t>(direction)];
    }
    [[nodiscard]] std::uint64_t bytes_of(Direction direction) const {
        return bytes[static_cast<std::size_t>(direction)].load(std::memory_order_relaxed);
    }
    /// In all directions.
    [[nodiscard]] std::uint64_t bytes_in_all() const;
};

/// What happens at one listener. Any thread.
struct ListenerFigures {
    std::atomic<std::uint64_t> sessions_begun = 0;
    std::atomic<std::uint32_t> transfers = 0;  ///< now
};

}  // namespace ballast::metrics
