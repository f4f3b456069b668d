// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/wiped_string.h"
#include "cluster/redis_connection.h"
#include "config/config.h"
#include "config/store_address.h"
#include "loop/task.h"
#include "net/look_up.h"
#include "net/network.h"
#include "net/tls_client.h"

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {

/// Connects to the store: finds it among several addresses or with a Sentinel, begins TLS, logs in,
/// selects the database. Belongs to the control thread.
class RedisDialer {
public:
    /// `cluster` has been checked. Reads its files.
    [[nodiscard]] static base::Result<std::unique_ptr<RedisDialer>> create(
        net::Network& network, const config::Cluster& cluster, net::LookUp look_up = net::look_up);
    /// Reads the password, the authorities, the certificate and its key again. An error changes
    /// nothing.
    [[nodiscard]] base::Result<> reload();

    struct Dialled {
        std::shared_ptr<RedisConnection> connection;
        config::StoreAddress server;  ///< where it is, for another connection: no Sentinel
    };
    /// A connection to the store that may be written to, as far as it tells. Begins with the
    /// address that was good the last time. An error names each address and what is wrong with it.
    [[nodiscard]] loop::Task<base::Result<Dialled>> dial(loop::Deadline deadline);
    /// Another connection to the same store.
    [[nodiscard]] loop::Task<base::Result<std::shared_ptr<RedisConnection>>> dial_again(
        config::StoreAddress server, loop::Deadline deadline);

private:
    using Connection = std::shared_ptr<RedisConnection>;
    using TlsClients = std::map<std::string, std::shared_ptr<const net::TlsClient>>;

    RedisDialer(net::Network& network, const config::Cluster& cluster, net::LookUp look_up)
        : network_(network), cluster_(cluster), look_up_(std::move(look_up)) {}
    [[nodiscard]] base::Result<std::shared_ptr<const net::TlsClient>> tls_client_for(
        const std::string& host);

    [[nodiscard]] loop::Task<base::Result<Dialled>> try_address(config::StoreAddress address,
                                                                loop::Deadline deadline);
    [[nodiscard]] loop::Task<base::Result<config::StoreAddress>> ask_sentinel(
        config::StoreAddress sentinel, loop::Deadline deadline);
    [[nodiscard]] loop::Task<base::Result<Connection>> connect(config::StoreAddress server,
                                                               loop::Deadline deadline);
    [[nodiscard]] loop::Task<base::Result<Connection>> connect_to(base::Address to,
                                                                  config::StoreAddress server,
                                                                  loop::Deadline deadline);
    [[nodiscard]] loop::Task<base::Result<>> log_in(Connection connection,
                                                    config::StoreAddress server,
                                                    loop::Deadline deadline);

    net::Network& network_;
    const config::Cluster cluster_;
    const net::LookUp look_up_;
    std::vector<config::StoreAddress> addresses_;
    std::size_t first_ = 0;  // of `addresses_`: the last good one
    base::WipedString password_;
    TlsClients tls_clients_;  // by the name that the certificate must have
};

}  // namespace ballast::cluster
