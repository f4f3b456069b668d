// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"
#include "support/tls.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ballast::bench {

/// What a connection is for: those for data get large buffers, and no tickets.
enum class Purpose : bool { control, data };

/// A socket that speaks plainly, and TLS from some point on. Whatever fails throws. Under TLS a
/// connection has to end with close_notify; one without it is cut off, and that throws, too.
class Connection {
public:
    Connection() = default;
    explicit Connection(Socket socket) : socket_(std::move(socket)) {}

    void accept_tls(SSL_CTX& context, Purpose purpose);
    /// `offered` may be null. It is not spent, as the session itself would be under TLS 1.3.
    void connect_tls(SSL_CTX& context, Purpose purpose, SSL_SESSION* offered = nullptr);

    [[nodiscard]] const Socket& socket() const { return socket_; }
    [[nodiscard]] bool is_secure() const { return tls_ != nullptr; }
    [[nodiscard]] bool is_resumed() const;
    /// The newest ticket that came.
    [[nodiscard]] TlsSession session() const;

    void send_all(std::string_view bytes);
    /// Zero at the end.
    [[nodiscard]] std::size_t receive(std::span<char> space);
    /// How many bytes come before the end. They are not looked at: without TLS the kernel drops
    /// them uncopied.
    [[nodiscard]] std::size_t count_to_end();
    /// Nothing more will be sent. Returns once the peer has ended, too: closing a socket in which
    /// something unread waits would reset the connection, and lose what is on its way.
    void end_and_wait();
    /// The same where the peer has ended before.
    void end();

private:
    void start_tls(SSL_CTX& context, Purpose purpose);

    Socket socket_{};
    TlsConnection tls_;
    bool gathers_ = false;
};

/// The lines of a connection.
class Lines {
public:
    explicit Lines(Connection& connection) : connection_(connection) {}

    /// Without its end; valid until the next call. Null at the end of the connection.
    const std::string* next();
    /// Forgets what has been received and not been read: it may have come before TLS.
    void drop() { held_.clear(); }

private:
    Connection& connection_;
    std::string held_;
    std::string line_;
};

}  // namespace ballast::bench
