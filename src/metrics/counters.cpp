// SPDX-License-Identifier: Apache-2.0
#include "metrics/counters.h"

#include <atomic>
#include <mutex>
#include <vector>

namespace ballast::metrics {

namespace {

using Values = std::array<std::atomic<std::uint64_t>, counter_count>;

struct Registry {
    std::mutex mutex;
    std::vector<const Values*> live;
    std::array<std::uint64_t, counter_count> ended{};
};

Registry& registry() {
    // Never destroyed: threads may end after static destruction has begun.
    static auto* const instance = new Registry;
    return *instance;
}

/// One thread's counters. Only that thread writes, so no atomic addition is needed.
struct Block {
    Values values{};

    Block() {
        const std::lock_guard lock(registry().mutex);
        registry().live.push_back(&values);
    }
    ~Block() {
        const std::lock_guard lock(registry().mutex);
        for (std::size_t i = 0; i < counter_count; ++i) registry().ended[i] += values[i].load();
        std::erase(registry().live, &values);
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
};

constexpr std::array<std::string_view, counter_count> names = {
    "sessions_accepted",
    "sessions_not_admitted",
    "sessions_from_ourselves",
    "limit_sessions",
    "limit_session_rate",
    "limit_sessions_per_address",
    "limit_session_rate_per_address",
    "limit_sessions_per_user",
    "limit_memory",
    "limit_login_rate",
    "limit_login_rate_per_address",
    "limit_transfers",
    "limit_command_bytes",
    "limit_pipelined_bytes",
    "limit_reply_bytes",
    "limit_bandwidth",
    "bans_begun",
    "refused_by_ban",
    "sessions_broken",
    "sessions_without_backend",
    "sessions_without_route",
    "sessions_rejected",
    "sessions_queued",
    "seats_recalled",
    "sessions_fallen_back",
    "sessions_passed_through",
    "commands_delayed",
    "commands_refused",
    "logins",
    "logins_refused",
    "backend_attempts_failed",
    "backend_replies_unasked",
    "limit_replies_unasked",
    "backend_connections_lost",
    "transfers_whole",
    "transfers_failed",
    "transfers_aborted",
    "transfers_refused",
    "bytes_downloaded",
    "bytes_uploaded",
    "bytes_spliced",
    "bytes_copied",
    "passive_ports_lent",
    "passive_ports_exhausted",
    "data_connections_stray",
    "passive_accepts_delayed",
    "passive_ports_spared",
    "data_connections_missing",
    "data_connections_passed_through",
    "private_addresses_announced",
    "active_source_port_busy",
    "log_lines_lost",
    "worker_turns_long",
    "worker_turns_stuck",
    "accepts_paused",
    "accepts_refused",
    "proxy_headers_refused",
    "probes_passed",
    "probes_failed",
    "probes_not_made",
    "surveys_failed",
    "tls_control_handshakes",
    "tls_data_handshakes_resumed",
    "tls_data_handshakes_full",
    "tls_handshakes_failed",
    "tls_tickets_of_others",
    "tls_backend_control_handshakes",
    "tls_backend_data_handshakes_resumed",
    "tls_backend_data_handshakes_full",
    "tls_backend_handshakes_failed",
    "tls_data_connections_in_kernel",
    "bytes_encrypted",
    "bytes_decrypted",
    "data_ends_without_close_notify",
};
static_assert(!names.back().empty(), "every counter has a name");

}  // namespace

void count(Counter counter, std::uint64_t by) {
    thread_local Block block;
    auto& value = block.values[static_cast<std::size_t>(counter)];
    value.store(value.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

std::uint64_t total(Counter counter) {
    const auto index = static_cast<std::size_t>(counter);
    const std::lock_guard lock(registry().mutex);
    std::uint64_t sum = registry().ended[index];
    for (const Values* values : registry().live)
        sum += (*values)[index].load(std::memory_order_relaxed);
    return sum;
}

std::string_view name_of(Counter counter) { return names[static_cast<std::size_t>(counter)]; }

}  // namespace ballast::metrics
