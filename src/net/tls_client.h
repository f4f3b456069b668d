// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "net/tls_settings.h"
#include "net/tls_stream.h"

#include <memory>
#include <optional>
#include <string>

namespace ballast::net {

/// The newest TLS session of one control connection to a backend, which each of its data
/// connections is offered. Tickets come on either kind of connection at any time. One for each leg,
/// on its loop's thread; outlives the streams that were made with it.
class TlsTickets {
public:
    void keep(TlsSession newest) { newest_ = std::move(newest); }
    [[nodiscard]] bool is_empty() const { return newest_ == nullptr; }
    /// A TLS 1.3 session is spent by one use in OpenSSL, so it is given as a copy.
    [[nodiscard]] TlsSession offer() const;

private:
    TlsSession newest_;
};

/// TLS towards one backend. Any thread may call; connections belong to their loop's thread.
class TlsClient {
public:
    struct Settings : TlsSettings {
        enum class Verify : std::uint8_t { full, ca, none };
        Verify verify = Verify::full;  ///< with `ca`, or the system's if it is empty
        std::string certificate;       ///< PEM file shown to the backend; empty: none
        std::string key;               ///< PEM file; empty: in that of the certificate
        std::string server_name;       ///< SNI and the name to verify; or an address, never SNI
    };
    [[nodiscard]] static base::Result<std::shared_ptr<TlsClient>> create(const Settings& settings);

    /// The stream, whose handshake is yet to come. `tickets` outlive it. With `avoids_tls_1_3` TLS
    /// 1.2 is the newest spoken, if the settings allow it. Without memory it throws, and `plain`
    /// stays the caller's.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_control(std::unique_ptr<Stream>&& plain,
                                                          TlsTickets& tickets,
                                                          bool avoids_tls_1_3) const;
    /// With the same name and context, and offering the session of the control connection.
    [[nodiscard]] std::unique_ptr<TlsStream> wrap_data(std::unique_ptr<Stream> plain,
                                                       TlsTickets& tickets,
                                                       bool avoids_tls_1_3) const;
    [[nodiscard]] bool may_avoid_tls_1_3() const {
        return settings_.min_version < base::TlsVersion::tls_1_3 &&
               settings_.max_version == base::TlsVersion::tls_1_3;
    }

private:
    explicit TlsClient(const Settings& settings) : settings_(settings) {}
    [[nodiscard]] Ssl new_ssl(TlsTickets& tickets, bool avoids_tls_1_3) const;

    const Settings settings_;
    std::optional<base::Ip> address_;  // what `server_name` is, if it is no name
    TlsContext context_;
};

}  // namespace ballast::net
