// SPDX-License-Identifier: Apache-2.0
#pragma once

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
    /// 127.0.0.2, where the server's data ports have the numbers that the server announces.
    bool passes_through = false;
    /// Towards the server.
    TlsVersion version = TlsVersion::v1_3;
    /// Downloads may go on with another server.
    bool has_failover = false;
    std::uint16_t front = free_port();
};

/// Returns once it listens. `settings` are more of its settings, in TOML.
[[nodiscard]] Child start_ballast(const TargetOptions& options, const Certificate& certificate,
                                  const std::vector<Passage>& passages,
                                  std::string_view settings = {});

}  // namespace ballast::bench
