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
    /// TLS is passed through unread; then it is not on either side, and on 127.0.0.2, where the
    /// server's data ports have the numbers that it says.
    bool passes_through = false;
    /// Towards the server.
    TlsVersion version = TlsVersion::v1_3;
    std::uint16_t front = free_port();
};

/// Returns once it listens.
[[nodiscard]] Child start_ballast(const TargetOptions& options, const Certificate& certificate,
                                  const std::vector<Passage>& passages);

/// With the settings with which it needs least. `listeners` are its sections, and it listens on
/// `front` in one of them.
[[nodiscard]] Child start_haproxy(const TargetOptions& options, std::string_view listeners,
                                  std::uint16_t front);

}  // namespace ballast::bench
