// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/redis_dialer.h"
#include "cluster/store.h"
#include "config/config.h"
#include "net/network.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {

/// A Redis-compatible server. It has two connections, because the one that follows waits. Keys
/// begin with "{ballast:NAME}:v1:" and expire; the braces keep the keys of a cluster in one slot.
/// `v1` is the format. Belongs to the control thread.
class RedisStore final : public Store {
public:
    /// `cluster` has been checked and has a store. Reads its files; opens nothing. `network`
    /// outlives it.
    [[nodiscard]] static base::Result<std::unique_ptr<RedisStore>> create(
        net::Network& network, const config::Cluster& cluster, net::LookUp look_up = net::look_up);
    /// Reads the files again, for the next `open`. An error changes nothing.
    [[nodiscard]] base::Result<> reload() { return dialer_->reload(); }

    [[nodiscard]] loop::Task<base::Result<Opened>> open() override;
    [[nodiscard]] loop::Task<base::Result<std::chrono::milliseconds>> now() override;
    [[nodiscard]] loop::Task<base::Result<>> write(std::vector<News> news) override;
    [[nodiscard]] loop::Task<base::Result<Followed>> follow(std::string after) override;
    [[nodiscard]] loop::Task<base::Result<Slice>> load(std::string table,
                                                       std::string from) override;
    [[nodiscard]] loop::Task<base::Result<std::string>> claim(
        std::string office, std::string node, std::chrono::milliseconds lifetime) override;

private:
    using Connection = std::shared_ptr<RedisConnection>;

    RedisStore(net::Network& network, const config::Cluster& cluster,
               std::unique_ptr<RedisDialer> dialer);
    [[nodiscard]] loop::Deadline deadline() const;
    [[nodiscard]] std::string key_of(std::string_view table, std::string_view key) const;
    /// A question to the store, which must be open.
    [[nodiscard]] loop::Task<base::Result<RedisReply>> ask(RedisCommand command,
                                                           loop::Deadline deadline);
    [[nodiscard]] RedisCommand command_to_write(std::vector<News> batch) const;
    /// What to do about news that were dropped before this node has seen them.
    [[nodiscard]] loop::Task<base::Result<Followed>> after_gap(Connection connection,
                                                               Followed followed,
                                                               loop::Deadline deadline);

    net::Network& network_;
    const std::chrono::steady_clock::duration timeout_;
    const std::string prefix_;
    const std::unique_ptr<RedisDialer> dialer_;
    config::StoreAddress server_;  // of `asking_`
    // Shared, because a coroutine may still wait on one when `open` replaces it.
    Connection asking_;
    Connection following_;
    std::string birth_;
};

}  // namespace ballast::cluster
