// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/certificates.h"
#include "net/ticket_keys.h"
#include "net/tls_settings.h"
#include "net/tls_stream.h"

#include <array>
#include <memory>
#include <mutex>
#include <string>

namespace ballast::net {

/// What ties the data connections of one FTP session to its control connection: a random id that
/// rides in every ticket the control connection hands out, and the TLS session itself for clients
/// that resume by session id (up to TLS 1.2). One for each session, on its loop's thread.
class TlsBond {
public:
    TlsBond();
    TlsBond(const TlsBond&) = delete;
    TlsBond& operator=(const TlsBond&) = delete;

private:
    friend class TlsServer;
    std::array<unsigned char, 16> id_{};
    TlsSession session_;
};

/// TLS towards the clients of one listener (RFC 4217). Any thread may call; connections belong to
/// their loop's thread.
class TlsServer {
public:
    struct Settings : TlsSettings {
        std::string name;  ///< of the listener: its tickets are no other listener's
        enum class Ask : std::uint8_t { none, request, require };
        Ask client_certificate = Ask::none;
        bool resumes_data = true;  ///< hand out tickets, and accept them on data connections
        bool may_leave = false;    ///< CCC
    };
    [[nodiscard]] static base::Result<std::shared_ptr<TlsServer>> create(
        const Settings& settings, std::shared_ptr<const Certificates> certificates,
        std::shared_ptr<TicketKeys> keys);
    ~TlsServer();
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    /// For connections from now on. On an error nothing has changed.
    [[nodiscard]] base::Result<> replace_certificates(
        std::shared_ptr<const Certificates> certificates);

    /// The stream, whose handshake is yet to come. The bond outlives it. Without memory it throws,
    /// and `plain` stays the caller's.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_control(std::unique_ptr<Stream>&& plain,
                                                          TlsBond& bond) const;
    /// After the control connection's handshake.
    void remember(const TlsStream& control, TlsBond& bond) const;
    /// Resumes this bond's session and nobody else's, and hands out no tickets: a client that only
    /// sends would leave them unread, and closing with bytes unread breaks its upload.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_data(std::unique_ptr<Stream> plain,
                                                       TlsBond& bond) const;
    /// Before each answer to PASV, EPSV, PORT and EPRT: many clients use a TLS 1.3 ticket once.
    void refresh_ticket(TlsStream& control) const;

private:
    struct Callbacks;
    friend struct Callbacks;
    explicit TlsServer(const Settings& settings) : settings_(settings) {}
    [[nodiscard]] std::shared_ptr<const Certificates> certificates() const;
    [[nodiscard]] Ssl new_ssl(TlsBond& bond, TlsStream::Use use) const;

    const Settings settings_;
    TlsContext context_;
    std::shared_ptr<TicketKeys> keys_;
    mutable std::mutex mutex_;
    std::shared_ptr<const Certificates> certificates_;
};

}  // namespace ballast::net
