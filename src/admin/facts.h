// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pool/admin_state.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What operators see, as plain values: copies that stay true to their moment. shapes.h says how
/// each is shown.
namespace ballast::admin {

using Moment = std::chrono::system_clock::time_point;

/// The result of a reload. The texts are those of the log: place, fault and remedy.
struct ReloadReport {
    bool applied = false;               ///< if not, nothing has changed
    std::vector<std::string> problems;  ///< why it was not applied
    std::vector<std::string> warnings;
    std::vector<std::string> needs_restart;  ///< settings that differ and stay as they were
};

struct UpgradeReport {
    std::int64_t pid = 0;  ///< of the process that serves now; 0: there is none, see `problem`
    std::string problem;
};

/// A process of Ballast: the one that serves, or one that it has replaced and that finishes its
/// sessions.
struct Generation {
    std::int64_t pid = 0;
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    std::string socket = {};  ///< for operators; empty: it has none
};

/// How often sessions met a failure of one kind.
struct ErrorCount {
    std::string cause;
    std::uint64_t count = 0;
};

/// One address of one backend.
struct BackendState {
    std::string pool;
    std::string backend;  ///< the configured name
    std::string address;
    pool::AdminState admin = pool::AdminState::ready;
    std::string health;                  ///< "up", "down" or "unknown"
    std::optional<Moment> health_since;  ///< empty: nothing is known yet
    std::string reason;                  ///< of the last probe that failed, or of the ejection
    bool is_ejected = false;
    bool is_backup = false;
    std::string failover = "off";  ///< of its pool
    std::uint32_t weight = 0;
    std::uint32_t max_sessions = 0;  ///< 0: no limit
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    std::uint32_t sessions_elsewhere = 0;  ///< at other nodes of the cluster
    std::uint32_t transfers_elsewhere = 0;
    std::uint64_t bytes_per_second = 0;
    double login_seconds = 0;  ///< a moving average; 0: unknown
    std::uint64_t logins = 0;
    std::uint64_t logins_refused = 0;
    std::vector<ErrorCount> errors;
};

struct BalancerState {
    pool::AdminState admin = pool::AdminState::ready;
    std::uint32_t sessions = 0;  ///< of all listeners, also those that have no backend yet
};

/// A listener of the configuration.
struct ListenerState {
    std::string name;
    std::vector<std::string> addresses;
    std::string mode;
    std::string pool;  ///< of sessions without a route
    std::uint32_t sessions = 0;
    std::uint32_t max_sessions = 0;  ///< 0: no limit of its own
};

struct PoolState {
    std::string name;
    std::string balance;
    std::string failover;
    bool can_serve = false;  ///< a backend is ready and not down
    std::uint32_t backends = 0;
    std::uint32_t serving = 0;  ///< of them
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
    std::uint32_t waiting = 0;
    std::uint32_t queue_length = 0;
    std::uint32_t stick_entries = 0;
};

/// TLS of one control connection.
struct TlsFacts {
    std::string version;
    std::string cipher;
    std::string server_name;
    bool is_resumed = false;
};

struct SessionState {
    std::string id;
    std::string listener;
    std::string client;
    std::string user;
    std::string backend_user;
    std::string certificate;
    std::string pool;
    std::string backend;
    std::string phase;
    Moment phase_since;
    Moment began;
    std::string command;
    std::optional<TlsFacts> client_tls;
    std::optional<TlsFacts> backend_tls;
    bool is_transferring = false;
    std::uint64_t bytes = 0;
    std::uint32_t transfers = 0;
};

struct TransferState {
    std::string session;
    std::string client;
    std::string user;
    std::string listener;
    std::string pool;
    std::string backend;
    std::string verb;
    std::string file;
    std::string direction;
    std::string path;
    std::string phase;
    std::optional<Moment> began;  ///< empty: no byte can have moved yet
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> size;
    double seconds = 0;
    double bytes_per_second = 0;
    std::optional<double> seconds_left;
    std::uint32_t pauses = 0;  ///< times without a byte, of a second or longer
    double paused_seconds = 0;
};

struct BanState {
    std::string client;
    std::string pool;
    std::string user;
    Moment until;
    std::uint64_t seconds_left = 0;
};

struct CertificateState {
    std::string listener;
    std::string pool;
    std::string backend;
    std::string file;
    bool is_ocsp = false;
    std::int64_t days_left = 0;
};

struct LimitState {
    std::string key;
    std::string listener;
    std::uint64_t value = 0;
    std::optional<std::uint64_t> in_use;
    std::uint64_t reached = 0;
};

/// One step of a probe.
struct ProbeStep {
    std::string name;
    double seconds = 0;
};

struct ProbeState {
    std::string pool;
    std::string backend;
    std::string address;
    Moment at;
    bool passed = false;
    double seconds = 0;
    std::string reason;
    std::vector<ProbeStep> steps;
};

/// Which backend a pool remembers for a client.
struct StickState {
    std::string client;  ///< a network; empty: the pool sticks by user
    std::string user;    ///< empty: it sticks by network
    std::string backend;
    std::uint32_t sessions = 0;
    Moment last_used;
};
/// Some of them, each with its number, in the order of these.
struct StickSlice {
    std::vector<std::pair<std::uint64_t, StickState>> entries;
    std::uint64_t next = 0;  ///< the number behind which to go on; 0: this was the last slice
};

/// A balancer that shares a store with this one, or this one itself.
struct NodeState {
    std::string name;
    bool is_self = false;
    std::string state = {};    ///< as of a balancer; "replaced": it finishes its sessions
    std::string store = {};    ///< whether it reaches the store: "connected", "lost" or "none"
    std::string version = {};  ///< of its program
    std::string address = {};  ///< for other nodes; empty: they do not connect to it
    std::string ports = {};    ///< of data connections with clients: "20000-20099 30000"
    std::optional<Moment> since = {};          ///< when it began; empty: unknown
    std::optional<double> heartbeat_age = {};  ///< seconds; empty: it is this one
    std::uint32_t sessions = 0;
    std::uint32_t transfers = 0;
};

/// What Ballast learnt about a backend by asking.
struct SurveyState {
    std::string pool;
    std::string backend;
    std::string address;
    std::string greeting;
    std::string system;
    std::vector<std::string> features;
    std::optional<std::int64_t> certificate_days_left;
    bool prefers_pasv = false;
};

}  // namespace ballast::admin
