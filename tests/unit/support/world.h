// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "config/config.h"
#include "pool/pool.h"
#include "session/directory.h"
#include "session/warm_legs.h"
#include "support/borrowed.h"
#include "support/fake_backend.h"
#include "support/memory_network.h"
#include "support/test_loop.h"

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ballast::support {

/// A balancer in memory: one listener, one pool of fake backends, and the sessions of all clients.
/// Settings may be changed before the first client comes.
class World {
public:
    explicit World(std::size_t backend_count = 2,
                   std::string_view listener_address = "192.0.2.1:21");
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    TestLoop loop;
    MemoryNetwork network{loop};
    config::Listener listener;
    config::Pool pool_settings;
    config::Limits limits;
    guard::Ledger ledger{borrowed(limits), 1'000'000, loop.now()};
    backend::Knowledge knowledge;
    session::PublicNames public_names;
    session::Notices notices;
    std::shared_ptr<metrics::ListenerFigures> figures =
        std::make_shared<metrics::ListenerFigures>();
    session::Stories stories{64UL << 20};
    session::WarmLegs warm{network};  ///< keeps none until `use`
    /// Of the listener, and of the pool's backends; set both or neither with their settings.
    std::shared_ptr<const net::TlsServer> tls_server;
    std::shared_ptr<const net::TlsClient> tls_client;
    bool begins_with_tls = false;
    nat::Forwarder* forwarder = nullptr;

    [[nodiscard]] FakeBackend& backend(std::size_t index) { return *backends_.at(index); }
    [[nodiscard]] pool::Pool& pool();
    [[nodiscard]] std::shared_ptr<const session::Pools> pools() {
        (void)pool();
        return pools_;
    }
    /// The next client gets a new pool with the settings of that moment.
    void renew_pool();
    /// The next client gets these settings of the listener in place of `listener`.
    void set_snapshot(std::shared_ptr<const config::Listener> snapshot) {
        snapshot_ = std::move(snapshot);
    }
    /// Another pool, without backends of its own in this world; before the first client.
    pool::Pool& add_pool(const config::Pool& settings);
    /// Sets the result of a backend's survey.
    void survey(std::size_t index);

    [[nodiscard]] const base::Address& address() const { return listener.bind.front(); }
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
    /// The session of the first client that is still there.
    [[nodiscard]] session::Session& session() {
        return *sessions_.find(directory().slice({}, 1).at(0).id);
    }
    [[nodiscard]] const session::Directory& directory() const { return sessions_; }
    /// Like the daemon when it stops.
    void destroy_sessions() { sessions_.clear(); }
    [[nodiscard]] session::Load& load() { return load_; }
    [[nodiscard]] std::uint32_t seats_taken();
    [[nodiscard]] std::uint32_t transfers_running();

private:
    void begin_session(std::unique_ptr<net::Stream> client);

    std::vector<std::unique_ptr<FakeBackend>> backends_;
    std::shared_ptr<pool::Pool> make_pool(const config::Pool& settings);

    std::shared_ptr<pool::Pool> pool_;
    std::list<config::Pool> kept_settings_;  // pools refer to them
    std::shared_ptr<session::Pools> pools_ = std::make_shared<session::Pools>();
    std::shared_ptr<const config::Listener> snapshot_;  // null: `listener`
    session::Load load_;
    std::uint64_t next_id_ = 0;
    session::Directory sessions_;
};

}  // namespace ballast::support
