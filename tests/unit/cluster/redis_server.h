// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "cluster/redis_command.h"
#include "cluster/redis_reply.h"
#include "support/temporary_directory.h"

#include <cstdint>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ballast::cluster {

/// A free port of 127.0.0.1: bound once and released.
[[nodiscard]] std::uint16_t free_port();

/// A real redis-server of a test, on a Unix socket and on a port of 127.0.0.1. Ends with its
/// object.
class RedisServer {
public:
    /// `options` are lines of its configuration. Throws if it does not start.
    explicit RedisServer(std::vector<std::string> options = {});
    ~RedisServer();
    RedisServer(const RedisServer&) = delete;
    RedisServer& operator=(const RedisServer&) = delete;

    [[nodiscard]] std::string url() const { return "unix:" + socket_; }
    [[nodiscard]] std::uint16_t port() const { return port_; }
    [[nodiscard]] const std::string& directory() const { return directory_path_; }

    /// Asks as its operator. Throws if it does not answer.
    RedisReply ask(const RedisCommand& command);

    void kill();    ///< SIGKILL
    void start();   ///< again; it knows what it had saved
    void freeze();  ///< SIGSTOP
    void thaw();

private:
    void end(int signal);

    support::TemporaryDirectory directory_;
    std::string directory_path_ = directory_.file("");
    std::string socket_ = directory_.file("store");
    std::uint16_t port_ = free_port();
    std::vector<std::string> options_;
    pid_t process_ = -1;
};

/// A Sentinel that watches one server.
class RedisSentinel {
public:
    RedisSentinel(const std::string& master, std::uint16_t master_port,
                  std::vector<std::string> options = {});
    ~RedisSentinel();
    RedisSentinel(const RedisSentinel&) = delete;
    RedisSentinel& operator=(const RedisSentinel&) = delete;
    [[nodiscard]] std::uint16_t port() const { return port_; }

private:
    support::TemporaryDirectory directory_;
    std::uint16_t port_ = free_port();
    pid_t process_ = -1;
};

}  // namespace ballast::cluster
