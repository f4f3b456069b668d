// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"
#include "support/tls.h"

#include <cstdint>

namespace ballast::bench {

/// How the server sends: from a file by sendfile, like vsftpd, or from memory by send, like a
/// server in Java.
enum class Origin : bool { file, memory };

/// Where passive data connections arrive.
inline constexpr std::uint16_t data_ports_first = 22000;
inline constexpr std::uint16_t data_ports_last = 22999;

struct ServerSockets {
    explicit ServerSockets(Host at) : host(at) {}

    /// Where control and data connections arrive.
    Host host;
    Socket control = Socket::listening(host);
    /// The same, but data under TLS must resume the session of its control connection.
    Socket resuming_control = Socket::listening(host);
};

/// A minimal FTP server, so that it does not dominate the figures. Everybody may log in, with AUTH
/// TLS or without. The name of a file is its size (`/4K`, `/512M`). Stored bytes are counted. Never
/// returns.
[[noreturn]] void serve_ftp(const ServerSockets& sockets, const Certificate& certificate,
                            Origin origin);

}  // namespace ballast::bench
