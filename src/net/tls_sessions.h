// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "net/openssl.h"

#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

namespace ballast::net {

/// TLS 1.3 sessions of control connections to backends, for the next control connections there.
/// These need no signature and no certificate then: that is more than half of what a handshake
/// costs, and connections share the certificate in memory. Any thread may call.
class TlsSessions {
public:
    using Time = std::chrono::steady_clock::time_point;

    struct Kept {
        base::Address server;
        TlsSession session;
        /// When the server has last shown its certificate. A resumed connection shows none.
        Time verified_at;
    };
    TlsSessions();
    /// Never throws: OpenSSL calls it.
    void keep(Kept kept) noexcept;
    /// The newest one of this server, which is then no longer kept: if the server fails over it,
    /// the next handshake is a full one. Empty if the server shall show its certificate again.
    [[nodiscard]] std::optional<Kept> take(const base::Address& server, Time now);

private:
    std::mutex mutex_;
    std::vector<Kept> kept_;  // the newest last
};

}  // namespace ballast::net
