// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/child.h"
#include "support/ftp_client.h"
#include "support/ftp_server.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ballast::bench {

/// A path from the clients to the server.
struct Target {
    std::string name;
    std::optional<Child> process;  ///< none: direct
    /// FTP; port 0 if there is none.
    Door door;
    /// The same with TLS 1.2 wherever there is TLS; port 0 if there is none.
    Door tls_1_2_door;
    /// Bytes without FTP, if data connections do not belong to an FTP session; or 0.
    std::uint16_t bytes_port = 0;
    /// Whether it also relays FTP's data connections.
    bool carries_data = false;
};

struct TargetOptions {
    std::string ballast;  ///< path of the program
    std::string haproxy;  ///< the same; empty if there is none
    unsigned threads = 1;
    Origin origin = Origin::file;
};

}  // namespace ballast::bench
