// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/facts.h"
#include "metrics/backend_figures.h"
#include "metrics/histogram.h"
#include "pool/admin_state.h"
#include "pool/thresholds.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::admin {

/// The process at one moment. What it counts as a whole is not here: the page reads it itself.
/// Times are seconds, points in time are Unix time.
struct MetricsSnapshot {
    struct Process {
        double started_at = 0;
        double cpu_seconds = 0;
        std::uint64_t memory_bytes = 0;
        std::uint64_t descriptors = 0;
        std::uint64_t descriptors_max = 0;
    };
    struct Reload {
        bool was_applied = true;  ///< the last one
        double applied_at = 0;    ///< the configuration in force
    };
    struct Worker {
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        metrics::Histogram::Reading lag;
        double turn_seconds = 0;
    };
    struct Ports {
        std::uint32_t in_use = 0;
        std::uint32_t kept = 0;  ///< for a while from one client
        std::uint32_t free = 0;
    };
    struct Listener {
        std::string name;
        std::uint32_t sessions = 0;
        std::uint32_t transfers = 0;
        std::uint64_t sessions_begun = 0;
        std::optional<Ports> ports;  ///< of its range; empty: it lends none
    };
    struct Certificate {
        std::string listener;
        std::string file;
        std::int64_t expires_at = 0;
    };
    struct Backend {
        std::string name;     ///< the configured one
        std::string address;  ///< empty: its name leads nowhere, but it has sessions
        pool::Health health = pool::Health::unknown;
        pool::AdminState admin = pool::AdminState::ready;
        bool is_ejected = false;
        bool is_serving = false;
        std::uint32_t sessions = 0;
        std::uint32_t sessions_max = 0;  ///< 0: no limit
        std::uint32_t weight = 0;
        std::uint32_t transfers = 0;
        std::optional<std::int64_t> certificate_expires_at;      ///< empty: without TLS, or unknown
        std::shared_ptr<const metrics::BackendFigures> figures;  ///< null: nothing is counted
    };
    struct Cluster {
        std::size_t nodes = 0;  ///< that live, this one included
        bool is_store_reachable = false;
    };
    struct Pool {
        std::string name;
        std::size_t queued = 0;
        std::vector<Backend> backends;
    };

    Process process;
    Reload reload;
    pool::AdminState state = pool::AdminState::ready;
    std::vector<Generation> replaced;  ///< the processes that this one has replaced
    std::uint32_t sessions = 0;
    std::uint32_t sessions_max = 0;
    std::uint32_t transfers = 0;
    std::uint32_t transfers_max = 0;  ///< 0: no limit
    std::size_t bans = 0;
    std::vector<Worker> workers;
    std::vector<Listener> listeners;
    std::vector<Certificate> certificates;
    std::vector<Pool> pools;
    std::optional<Cluster> cluster = {};  ///< empty: nothing is shared
};

/// The answer to GET /metrics, in Prometheus' text format.
[[nodiscard]] std::string metrics_page(const MetricsSnapshot& snapshot);
/// Its metrics as a table for docs/metrics.md.
[[nodiscard]] std::string metrics_manual();

}  // namespace ballast::admin
