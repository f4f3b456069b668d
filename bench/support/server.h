// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/child.h"
#include "support/ftp_server.h"

namespace ballast::bench {

/// The one server behind all targets. Make it before there are threads.
struct Server {
    explicit Server(Origin origin, Host host = {})
        : sockets(host),
          process(Child::forked("server", [&] { serve_ftp(sockets, certificate, origin); })) {}

    ServerSockets sockets;
    Certificate certificate;
    Child process;
};

}  // namespace ballast::bench
