// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "guard/ledger.h"
#include "metrics/backend_figures.h"
#include "nat/forwarder.h"
#include "net/network.h"
#include "net/tls_server.h"
#include "session/pools.h"
#include "session/public_names.h"
#include "session/stories.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace ballast::relay {
class Porter;
}

namespace ballast::session {

class WarmLegs;

/// One worker's load. The choice of a worker for a new client reads it.
struct Load {
    std::atomic<std::uint32_t> sessions = 0;
    std::atomic<std::uint32_t> transfers = 0;
};

/// Warnings that are logged once for all sessions.
struct Notices {
    std::atomic_flag private_address;  ///< PASV announces a private one to a public client
};

/// What a session needs from the daemon. It keeps the listener and pools of its start, whatever new
/// sessions get. Everything else outlives it.
struct Surroundings {
    net::Network& network;
    std::shared_ptr<const config::Listener> listener;
    std::shared_ptr<const Pools> pools;
    std::shared_ptr<const net::TlsServer> tls;  ///< null if the listener offers none
    bool begins_with_tls = false;               ///< implicit TLS
    Load& load;
    guard::Ledger& ledger;
    const PublicNames& public_names;
    Notices& notices;
    guard::Ledger::Held accepted = {};          ///< its place among all sessions
    std::optional<base::Address> reached = {};  ///< the client connected to it, says a proxy
    std::optional<base::Address> proxy = {};    ///< the client came through it
    std::shared_ptr<metrics::ListenerFigures> figures = {};  ///< of the listener; null: not counted
    Stories* stories = nullptr;                              ///< null: its story is not kept
    std::uint32_t worker = 0;                                ///< the number of its thread
    relay::Porter* porter = nullptr;                         ///< its worker's; null: none
    WarmLegs* warm = nullptr;                                ///< null: every leg is new
    /// Carries data where `data_path` says so. Null: none does.
    std::shared_ptr<nat::Forwarder> forwarder = {};
};

}  // namespace ballast::session
