// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"
#include "support/tls.h"

#include <cstdint>

namespace ballast::bench {

/// How the server sends: from a file by sendfile, as vsftpd does, or from its memory by send, as a
/// server in Java does.
enum class Origin : bool { file, memory };

/// Where passive data connections arrive.
inline constexpr std::uint16_t data_ports_first = 22000;
inline constexpr std::uint16_t data_ports_last = 22999;

struct ServerSockets {
    Socket control = Socket::listening();
    /// The same, but data under TLS has to resume the session of its control connection.
    Socket resuming_control = Socket::listening();
    /// The same bytes without FTP: a connection sends the name of the file in a line, and gets it.
    Socket source = Socket::listening();
};

/// As little FTP server as a benchmark needs, so that it is never what is measured: everybody may
/// log in, with AUTH TLS or without; the name of a file is its size (`/4K`, `/512M`); what is
/// stored is counted. Never returns.
[[noreturn]] void serve_ftp(const ServerSockets& sockets, const Certificate& certificate,
                            Origin origin);

}  // namespace ballast::bench
