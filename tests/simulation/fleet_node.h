// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/fleet.h"
#include "guard/ledger.h"
#include "loop/loop.h"
#include "net/secret.h"
#include "pool/pool.h"
#include "support/memory_store.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::simulation {

/// A client with a session.
struct FleetSession {
    std::string client;  ///< its address
    guard::Ledger::Held place;
    pool::Seat seat;
};

/// One run of a balancer's program. When it ends, its sessions end, too.
class FleetProcess {
public:
    struct Settings {
        std::string node;
        std::chrono::milliseconds heartbeat{};
        std::uint64_t seed = 0;
        config::Pool pool;
        config::Limits limits;
    };
    FleetProcess(loop::Loop& loop, cluster::Store& store, const net::Secret& secret,
                 const Settings& settings);

    [[nodiscard]] pool::Pool& pool() { return *pool_; }
    [[nodiscard]] cluster::Fleet& fleet() { return *fleet_; }
    [[nodiscard]] guard::Ledger& ledger() { return ledger_; }
    [[nodiscard]] std::list<FleetSession>& sessions() { return sessions_; }

    /// The backend; empty: there was no place.
    std::optional<std::string> begin_session(const std::string& client);
    [[nodiscard]] std::uint32_t sessions_on(std::string_view backend) const;
    [[nodiscard]] bool sees(std::string_view node) const;
    void fail(const std::string& client);
    void lift(const std::string& client);
    [[nodiscard]] bool has_banned(const std::string& client);
    /// Whether one more session of this client's user would be let in.
    [[nodiscard]] bool lets_in(const std::string& client);
    void decide(const std::string& backend, pool::AdminState state);
    [[nodiscard]] pool::AdminState state_of(std::string_view backend) const;

private:
    loop::Loop& loop_;
    guard::Ledger ledger_;
    std::shared_ptr<pool::Pool> pool_;
    std::list<FleetSession> sessions_;
    std::unique_ptr<cluster::Fleet> fleet_;
};

}  // namespace ballast::simulation
