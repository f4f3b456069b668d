// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"
#include "support/target.h"
#include "support/tls.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace ballast::bench {

/// One listener of Ballast, and the pool of one server behind it.
struct Passage {
    std::uint16_t back = 0;
    /// Whether there is TLS towards the clients, and towards the server.
    bool has_tls_in_front = false;
    bool has_tls_behind = false;
    /// TLS is passed through unread. Then Ballast has no TLS on either side, and listens on
    /// `sealed_host`, where the server's data ports have the numbers that the server announces.
    bool passes_through = false;
    /// Where it listens for those.
    Host sealed_host = 2;
    /// Towards the server.
    TlsVersion version = TlsVersion::v1_3;
    /// Its best for small files (`begin_reply_delay`).
    bool is_tuned = false;
    /// Downloads may go on with another server.
    bool has_failover = false;
    std::uint16_t front = free_port();
};

/// Returns once it listens. `settings` are more of its settings, in TOML.
[[nodiscard]] Child start_ballast(const TargetOptions& options, const Certificate& certificate,
                                  const std::vector<Passage>& passages,
                                  std::string_view settings = {});

}  // namespace ballast::bench
