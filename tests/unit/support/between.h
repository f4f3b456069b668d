// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/tls_ends.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::support {

/// Bytes without short repetitions.
[[nodiscard]] std::string many_bytes(std::size_t count);

/// A client and a server of one TLS version, ready to wrap connections.
struct TlsRoles {
    explicit TlsRoles(base::TlsVersion version, bool may_leave = false);
    [[nodiscard]] std::unique_ptr<net::TlsStream> wrap_client(std::unique_ptr<net::Stream> plain,
                                                              net::TlsStream::Use use);
    [[nodiscard]] std::unique_ptr<net::TlsStream> wrap_server(std::unique_ptr<net::Stream> plain,
                                                              net::TlsStream::Use use);

    std::shared_ptr<net::TlsServer> server;
    std::shared_ptr<net::TlsClient> client;
    net::TlsBond bond;
    net::TlsTickets tickets;
};

/// A client and a server with the test between them, which decides what to pass on.
class Between {
public:
    Between(TestLoop& loop, TlsRoles& tls, net::TlsStream::Use use);

    /// Bytes that an end has sent and nobody has taken.
    [[nodiscard]] static std::string taken_from(MemoryStream& end);
    void pass_all();
    /// Both handshakes; throws if one fails.
    void shake_hands();

    std::unique_ptr<net::TlsStream> client;
    std::unique_ptr<net::TlsStream> server;
    std::unique_ptr<MemoryStream> to_client;  ///< the far side of the client's connection
    std::unique_ptr<MemoryStream> to_server;

private:
    TestLoop& loop_;
};

/// Reads everything: the bytes, and what came after them.
[[nodiscard]] std::pair<std::string, net::Io> read_all(net::Stream& stream);
/// Reads a few bytes.
[[nodiscard]] net::Io read_once(net::Stream& stream);

}  // namespace ballast::support
