// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster/redis_command.h"
#include "loop/job.h"
#include "net/stream.h"
#include "support/memory_network.h"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

namespace ballast::cluster {

/// What no real store does: answers as a test says.
class ScriptedStore {
public:
    /// The bytes of the answer to a command; empty: none.
    using Answer = std::function<std::string(const RedisCommand&)>;

    ScriptedStore(support::MemoryNetwork& network, const std::string& at, Answer answer);

    /// All commands so far.
    [[nodiscard]] const std::vector<RedisCommand>& heard() const { return heard_; }
    /// Their first words.
    [[nodiscard]] std::string heard_names() const;
    /// Ends all of its connections.
    void hang_up() { connections_.clear(); }
    /// Says something on all of its connections, without being asked.
    void say(std::string_view bytes);

private:
    struct Connection {
        Connection(loop::Loop& loop, std::unique_ptr<net::Stream> accepted)
            : signal(loop), stream(std::move(accepted)) {}
        loop::Signal signal;
        std::unique_ptr<net::Stream> stream;
        loop::Job job;
    };
    loop::Task<> serve(Connection& connection);

    support::MemoryNetwork& network_;
    const Answer answer_;
    std::vector<RedisCommand> heard_;
    std::list<Connection> connections_;
};

/// RESP2 of a string.
[[nodiscard]] std::string bulk(std::string_view text);
[[nodiscard]] std::string list(const std::vector<std::string>& replies);
/// What a store that is as it should be answers.
[[nodiscard]] std::string good_answer(const RedisCommand& command);

}  // namespace ballast::cluster
