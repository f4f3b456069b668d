// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "net/tls_sessions.h"
#include "net/tls_settings.h"
#include "net/tls_stream.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace ballast::net {

/// The newest TLS session of one control connection to a backend, offered to each of its data
/// connections. Tickets arrive on either kind of connection at any time. One per leg, on its loop's
/// thread. It must outlive the streams made with it.
class TlsTickets {
public:
    void keep(TlsSession newest) { newest_ = std::move(newest); }
    [[nodiscard]] bool is_empty() const { return newest_ == nullptr; }
    /// OpenSSL allows one use of a TLS 1.3 session, so this is a copy.
    [[nodiscard]] TlsSession offer() const;

    /// From now on what the control connection gets is for other control connections, too.
    void share(std::shared_ptr<TlsSessions> with, const base::Address& server,
               TlsSessions::Time verified_at);
    /// The same as `keep`, from the control connection.
    void keep_and_share(TlsSession newest);

private:
    TlsSession newest_;
    std::shared_ptr<TlsSessions> shared_with_;  // null: not shared
    base::Address server_;
    TlsSessions::Time verified_at_;
};

/// TLS towards one backend. Any thread may call; connections belong to their loop's thread.
class TlsClient {
public:
    struct Settings : TlsSettings {
        enum class Verify : std::uint8_t { full, ca, none };
        Verify verify = Verify::full;  ///< with `ca`, or the system's authorities if it is empty
        std::string certificate;       ///< PEM file for the backend; empty: none
        std::string key;               ///< PEM file; empty: in the certificate's file
        std::string server_name;  ///< SNI and the name to verify; an address is never used as SNI
    };
    [[nodiscard]] static base::Result<std::shared_ptr<TlsClient>> create(const Settings& settings);

    /// How a control connection begins.
    enum class Start : std::uint8_t {
        full,        ///< the server shows its certificate
        may_resume,  ///< under TLS 1.3 a session of an earlier control connection, if one is kept
    };
    /// The stream before its handshake. `tickets` must outlive it. `avoids_tls_1_3` limits it to
    /// TLS 1.2, if the settings allow that. Throws without memory; then the caller keeps `plain`.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_control(std::unique_ptr<Stream>&& plain,
                                                          TlsTickets& tickets, bool avoids_tls_1_3,
                                                          Start start = Start::full) const;
    /// With the same name and context, and the control connection's session as an offer.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_data(std::unique_ptr<Stream> plain,
                                                       TlsTickets& tickets,
                                                       bool avoids_tls_1_3) const;
    [[nodiscard]] bool may_avoid_tls_1_3() const {
        return settings_.min_version < base::TlsVersion::tls_1_3 &&
               settings_.max_version == base::TlsVersion::tls_1_3;
    }

private:
    explicit TlsClient(const Settings& settings) : settings_(settings) {}
    [[nodiscard]] Ssl new_ssl(TlsTickets& tickets, bool avoids_tls_1_3, TlsStream::Use use) const;
    void resume(ssl_st* ssl, TlsTickets& tickets, const base::Address& server) const;

    const Settings settings_;
    std::optional<base::Ip> address_;  // set if `server_name` is an address
    TlsContext context_;
    const std::shared_ptr<TlsSessions> sessions_ = std::make_shared<TlsSessions>();
};

}  // namespace ballast::net
