// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "config/config.h"
#include "guard/ledger.h"
#include "health/prober.h"
#include "loop/job.h"
#include "pool/pool.h"
#include "session/directory.h"
#include "session/warm_legs.h"
#include "simulation/chance.h"
#include "simulation/trace.h"
#include "support/memory_network.h"
#include "support/test_loop.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::simulation {

/// What one configuration of the balancer says. Whether it offers TLS never changes.
struct Settings {
    config::Listener listener;
    config::Limits limits;
    std::uint32_t sessions_max = 0;
    std::vector<config::Pool> pools;
};

/// The daemon without its threads, sockets and files: sessions, pools, probes and reloads as in
/// `daemon/serving`, on one loop in memory.
class Balancer {
public:
    Balancer(support::MemoryNetwork& network, Trace& trace, std::uint64_t seed, Settings settings);
    ~Balancer();
    Balancer(const Balancer&) = delete;
    Balancer& operator=(const Balancer&) = delete;

    /// A reload.
    void configure(Settings settings);
    /// False: the pool has no such backend.
    bool administer(std::string_view pool, std::string_view backend, pool::AdminState state);
    void administer_all(pool::AdminState state);
    /// The daemon stops: there are no new sessions, and idle ones end.
    void stop();
    /// It waits no longer for those that are left.
    void end() { sessions_.clear(); }
    /// Probes and the pools' clock end; sessions go on.
    void end_probes();

    [[nodiscard]] const base::Address& address() const { return address_; }
    [[nodiscard]] std::vector<session::View> sessions() const {
        return sessions_.slice({}, sessions_.size());
    }
    [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }
    [[nodiscard]] const std::vector<session::ServedPool>& pools() const { return pools_->all(); }
    [[nodiscard]] bool offers_tls() const { return settings_->listener.tls.has_value(); }
    [[nodiscard]] const session::Load& load() const { return load_; }
    [[nodiscard]] guard::Ledger& ledger() { return *ledger_; }
    [[nodiscard]] const Settings& settings() const { return *settings_; }
    /// How often operators have changed something.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    /// The backend that serves this client; empty: none.
    [[nodiscard]] std::string backend_of(const base::Address& client) const;

private:
    void begin_session(std::unique_ptr<net::Stream> client);
    [[nodiscard]] session::ServedPool serve(const config::Pool& settings);
    [[nodiscard]] loop::Task<> tick();

    support::MemoryNetwork& network_;
    Trace& trace_;
    Chance chance_;
    const base::Address address_;
    std::shared_ptr<const Settings> settings_;
    std::unique_ptr<guard::Ledger> ledger_;
    backend::Knowledge knowledge_;
    std::map<std::string, session::ServedPool> known_pools_;
    std::shared_ptr<session::Pools> pools_ = std::make_shared<session::Pools>();
    session::PublicNames public_names_;
    session::Notices notices_;
    session::Stories stories_{1UL << 20};
    std::shared_ptr<const net::TlsServer> tls_;  ///< null: none
    session::Load load_;
    std::optional<health::Prober> prober_;
    session::WarmLegs warm_;
    loop::Signal due_;
    loop::Job ticking_;
    std::uint64_t next_id_ = 0;
    std::uint64_t changes_ = 0;
    session::Directory sessions_;
};

}  // namespace ballast::simulation
