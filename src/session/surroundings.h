// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "guard/ledger.h"
#include "net/network.h"
#include "net/tls_server.h"
#include "session/pools.h"
#include "session/public_names.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

namespace ballast::session {

/// What one worker carries, read by all when a new client comes.
struct Load {
    std::atomic<std::uint32_t> sessions = 0;
    std::atomic<std::uint32_t> transfers = 0;
};

/// What is told once for all sessions.
struct Notices {
    std::atomic_flag private_address;  ///< PASV announces one to a public client
};

/// What a session needs of the daemon. Its listener and the pools are those of its beginning: it
/// keeps them, whatever new sessions get. Everything else outlives it.
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
    std::optional<base::Address> reached = {};  ///< where the client connected to, as a proxy says
    std::optional<base::Address> proxy = {};    ///< that the client came through
};

}  // namespace ballast::session
