// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/contacts.h"
#include "config/config.h"
#include "config/load.h"
#include "daemon/file_stamp.h"
#include "net/tls_server.h"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// The TLS of all listeners, backends and operators, with certificates, keys and trusted
/// certificates from their files. Made by the control thread; `look` belongs to the thread that
/// watches files. Any thread may use the results.
class Tls {
public:
    /// Loads every file that the configuration names. Adds what is wrong to `problems`; then do not
    /// use this object. Skips parts of the configuration that have errors themselves. A listener
    /// keeps the ticket keys that it has in `former`, if they are not from a file: its clients
    /// resume their sessions after a reload.
    Tls(const config::Config& config, std::vector<config::Problem>& problems,
        const Tls* former = nullptr);

    /// Null if the listener of this name has none.
    [[nodiscard]] std::shared_ptr<const net::TlsServer> server_of(std::string_view listener) const;
    /// The same for operators over TCP.
    [[nodiscard]] std::shared_ptr<const net::TlsServer> operators_server() const;
    /// One for each backend of the pool with this name; null for those without TLS.
    [[nodiscard]] std::vector<std::shared_ptr<const net::TlsClient>> clients_of(
        std::string_view pool) const;

    struct TicketKeysOf {
        std::string listener;
        std::shared_ptr<net::TicketKeys> keys;
    };
    /// Those of listeners whose keys are not from a file: the balancers of a cluster may use the
    /// same.
    [[nodiscard]] std::vector<TicketKeysOf> generated_ticket_keys() const;

    /// Warns of certificates that have expired or soon will, for callers that do not wait for the
    /// first look.
    void warn_of_expiry(const config::Config& config, std::vector<config::Problem>& problems) const;

    struct Expiry {
        std::string listener;
        net::Certificates::Expiry of;
    };
    /// When the certificates and OCSP responses in use expire. Any thread.
    [[nodiscard]] std::vector<Expiry> expiries() const;

    /// Loads files that changed since the last look, for connections from now on, and warns of
    /// certificates that expire. A bad file changes nothing and is logged.
    void look();

private:
    struct Served {
        std::string listener;  ///< its name
        std::string key;       ///< key of its table
        config::ListenerTls settings;
        std::shared_ptr<net::TlsServer> server;
        std::shared_ptr<net::TicketKeys> ticket_keys;
        WatchedFile certificate_files;
        WatchedFile ticket_keys_file;
        std::shared_ptr<const net::Certificates> certificates;
    };
    void load_server(const config::Config& config, const std::string& listener,
                     const config::ListenerTls& tls, std::vector<config::Problem>& problems,
                     const Tls* former);
    [[nodiscard]] std::shared_ptr<net::TicketKeys> own_ticket_keys_of(
        std::string_view listener, const config::ListenerTls& tls) const;
    void load_pool(const config::Config& config, const config::Pool& pool,
                   std::vector<config::Problem>& problems);
    void reload(Served& served);
    static void log_expiry(const Served& served);

    std::vector<Served> served_;
    mutable std::mutex certificates_mutex_;  // `look` changes them while others read
    std::map<std::string, std::vector<std::shared_ptr<const net::TlsClient>>, std::less<>>
        clients_;  // by the pool's name
    std::chrono::steady_clock::time_point expiry_due_{};
};

}  // namespace ballast::daemon
