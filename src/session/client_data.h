// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "nat/forwarder.h"
#include "net/network.h"
#include "net/tls_server.h"
#include "session/data_handshake.h"

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace ballast::session {

/// What TLS on a client's data connection needs.
struct ClientDataTls {
    const net::TlsServer* server;
    net::TlsBond* bond;  ///< the control connection's
};

/// Where the client wants its next data connection: a passive port that it was told, or its own
/// address. The last PASV, EPSV, PORT or EPRT counts.
struct ClientData {
    std::unique_ptr<net::Lease> lease;
    std::optional<base::Address> active;
    /// With `data = "direct"`, or a passage: the present backend knows it. Ballast opens nothing.
    bool is_at_backend = false;
    /// The kernel leads whoever connects to the lease's port on to the backend. A connection that
    /// does not match its rule comes to the lease.
    std::unique_ptr<nat::Passage> passage;
    /// One that was taken back. Until the kernel has answered, it may still lead somebody past.
    std::unique_ptr<nat::Passage> former_passage;
    /// An active backend connects there, and the kernel leads it on to the client.
    std::unique_ptr<net::Lease> backend_lease;
    /// Why there is no passage, although the kernel may carry data.
    std::string_view relayed_because;
    /// Starts when the connection is there, which may be before the command. Some clients want to
    /// finish it by then.
    DataHandshake handshake;

    [[nodiscard]] bool is_set() const {
        return lease != nullptr || active.has_value() || is_at_backend;
    }
    /// A slow client may begin late, so there is no deadline here. Users of the result have one.
    void begin_tls(std::unique_ptr<net::Stream> stream, const ClientDataTls& tls,
                   loop::Signal& signal) {
        handshake.start(tls.server->wrap_data(std::move(stream), *tls.bond), base::Fault::client,
                        loop::never, signal);
    }
    void take_passage_back() {
        if (!passage) return;
        passage->withdraw();
        former_passage = std::move(passage);
    }
    void clear() {
        // A connection that has begun goes on to its end.
        if (passage && nat::may_lead(passage->carried().state)) take_passage_back();
        passage.reset();
        backend_lease.reset();
        relayed_because = {};
        lease.reset();
        active.reset();
        is_at_backend = false;
        handshake.reset();
    }
};

}  // namespace ballast::session
