// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/socket.h"
#include "support/tls.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace ballast::bench {

/// The purpose of a connection: data connections get large buffers and no tickets.
enum class Purpose : bool { control, data };

/// A socket that starts in plain text and may switch to TLS. Every failure throws. Under TLS a
/// connection must end with close_notify: an end without it throws, too.
class Connection {
public:
    Connection() = default;
    explicit Connection(Socket socket) : socket_(std::move(socket)) {}

    void accept_tls(SSL_CTX& context, Purpose purpose);
    /// `offered` may be null. It stays usable; under TLS 1.3 the session itself would not.
    void connect_tls(SSL_CTX& context, Purpose purpose, SSL_SESSION* offered = nullptr);

    [[nodiscard]] const Socket& socket() const { return socket_; }
    [[nodiscard]] bool is_secure() const { return tls_ != nullptr; }
    [[nodiscard]] bool is_resumed() const;
    /// The newest ticket.
    [[nodiscard]] TlsSession session() const;

    void send_all(std::string_view bytes);
    /// Zero at the end.
    [[nodiscard]] std::size_t receive(std::span<char> space);
    /// Counts the bytes before the end. Without TLS the kernel drops them uncopied.
    [[nodiscard]] std::size_t count_to_end();
    /// Ends our direction and returns once the peer has ended, too: closing a socket with unread
    /// bytes would reset the connection and lose bytes on their way.
    void end_and_wait();
    /// The same if the peer has already ended.
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
    /// Drops received bytes that have not been read: they may have come before TLS.
    void drop() { held_.clear(); }

private:
    Connection& connection_;
    std::string held_;
    std::string line_;
};

}  // namespace ballast::bench
