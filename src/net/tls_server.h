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

/// Ties the data connections of one FTP session to its control connection: a random id in every
/// ticket of the control connection, and the TLS session itself for clients that resume by session
/// id (up to TLS 1.2). One per session, on its loop's thread.
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
        std::string name;  ///< of the listener; others do not accept its tickets
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

    /// Applies to connections from now on. An error changes nothing.
    [[nodiscard]] base::Result<> replace_certificates(
        std::shared_ptr<const Certificates> certificates);

    /// The stream before its handshake. The bond must outlive it. Throws without memory; then the
    /// caller keeps `plain`.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_control(std::unique_ptr<Stream>&& plain,
                                                          TlsBond& bond) const;
    /// Call after the control connection's handshake.
    void remember(TlsStream& control, TlsBond& bond) const;
    /// Resumes only this bond's session. Sends no tickets: a client that only sends would not read
    /// them, and closing with unread bytes breaks its upload.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_data(std::unique_ptr<Stream> plain,
                                                       TlsBond& bond) const;
    /// Call before each answer to PASV, EPSV, PORT and EPRT, because many clients use a TLS 1.3
    /// ticket only once.
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
