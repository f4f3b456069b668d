// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "cluster/redis_command.h"
#include "cluster/redis_reply.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "net/stream.h"
#include "net/tls_client.h"

#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {

/// A connection to a store or to a Sentinel. One coroutine asks at a time. After an error, and if a
/// question was cancelled, it is broken: nobody knows which answer comes next. Belongs to its
/// loop's thread.
class RedisConnection {
public:
    /// `server` is its name in errors.
    RedisConnection(loop::Loop& loop, std::string server, std::unique_ptr<net::Stream> stream);
    ~RedisConnection();
    RedisConnection(const RedisConnection&) = delete;
    RedisConnection& operator=(const RedisConnection&) = delete;

    /// Before the first question.
    [[nodiscard]] loop::Task<base::Result<>> begin_tls(std::shared_ptr<const net::TlsClient> client,
                                                       loop::Deadline deadline);
    /// Sends all commands at once. As many answers as commands, of which some may be errors of the
    /// store.
    [[nodiscard]] loop::Task<base::Result<std::vector<RedisReply>>> ask_all(
        std::vector<RedisCommand> commands, loop::Deadline deadline);
    /// One command. An error of the store is an error here.
    [[nodiscard]] loop::Task<base::Result<RedisReply>> ask(RedisCommand command,
                                                           loop::Deadline deadline);

    [[nodiscard]] bool is_usable() const { return is_usable_; }
    [[nodiscard]] const std::string& server() const { return server_; }

    /// What this answer to `command` means as an error.
    [[nodiscard]] base::Error complaint(const std::string& command, const RedisReply& reply) const;
    /// This answer to `command` is none that a store gives.
    [[nodiscard]] base::Error nonsense(const std::string& command) const;

private:
    [[nodiscard]] loop::Task<base::Result<RedisReply>> read_reply(loop::Deadline deadline);

    loop::Signal signal_;
    net::TlsTickets tickets_;
    const std::string server_;
    std::unique_ptr<net::Stream> stream_;
    RedisReplyReader reader_;
    bool is_usable_ = true;
};

}  // namespace ballast::cluster
