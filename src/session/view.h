// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "loop/loop.h"
#include "session/phase.h"
#include "session/running_transfer.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ballast::session {

/// A copy of a session's state for display. Any thread may read it. It contains no secrets.
struct View {
    /// TLS of one control connection.
    struct Tls {
        std::string version;
        std::string cipher;
        std::string server_name;  ///< SNI; empty: none, or it is Ballast's own connection
        bool is_resumed = false;
    };

    std::string id;
    std::string listener;
    base::Address client;
    std::string user;          ///< logged in or about to; empty: none yet
    std::string backend_user;  ///< the backend's name for that user
    std::string certificate;   ///< the subject of the client's certificate; empty: none
    std::string pool;          ///< of `backend`
    std::string backend;       ///< empty: it has none
    Phase phase = Phase::greeting;
    loop::Time phase_since;
    loop::Time began_at;
    std::string command;  ///< that is being worked at, without a password; empty: none
    std::optional<Tls> client_tls;
    std::optional<Tls> backend_tls;
    struct Transfer {
        std::string verb;
        std::string file;  ///< its path as far as it is known; empty: there is none
        std::string path;  ///< who carries its data: "relay", "direct" or "kernel"
        TransferProgress progress;
    };
    std::optional<Transfer> transfer;  ///< that runs now
    std::uint64_t bytes = 0;           ///< of its transfers that have ended
    std::uint32_t transfers = 0;
};

}  // namespace ballast::session
