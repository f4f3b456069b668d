// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "admin/api.h"
#include "admin/connection.h"
#include "admin/socket_file.h"
#include "base/owned_fd.h"
#include "config/config.h"
#include "config/problem.h"
#include "loop/job.h"
#include "loop/worker_loop.h"

#include <cstddef>
#include <expected>
#include <list>
#include <optional>
#include <string>

namespace ballast::admin {

/// The socket that the settings demand, or why there is none.
struct OperatorSocket {
    std::optional<SocketFile> file;
    std::string why_not;
};
/// A problem only if the settings name a socket that cannot be opened. With `replaces`, another
/// process may have it: this one takes its place.
[[nodiscard]] std::expected<OperatorSocket, config::Problem> open_socket(
    const config::Config& config, bool replaces = false);

/// The HTTP API for operators, from its construction to its end. Belongs to the loop's thread, the
/// control thread, except that it may be made before the loop runs.
class Server {
public:
    /// Concurrent connections. Further ones wait, until one of these makes room for them by having
    /// kept Ballast waiting.
    static constexpr std::size_t connections_max = 16;

    /// Logs where it listens, or why it does not.
    Server(loop::WorkerLoop& loop, OperatorSocket socket, Actions actions, std::string state_file,
           Patience patience = {});

    /// To be called when the pools are there, and after each reload: puts backends and balancer
    /// into the states that operators have decided.
    void restore() { api_.restore(); }
    /// An operator has decided this through the process that this one has replaced.
    void note(const std::string& pool, const std::string& backend, pool::AdminState state) {
        api_.note(pool, backend, state);
    }

private:
    [[nodiscard]] loop::Task<> serve();
    void adopt(base::OwnedFd accepted);
    [[nodiscard]] loop::Deadline make_room();

    loop::WorkerLoop& loop_;
    const Patience patience_;
    Api api_;
    std::optional<SocketFile> file_;
    loop::Signal signal_;  // a connection has come or has ended
    loop::Descriptor listening_;
    std::list<Connection> connections_;
    loop::Job job_;
};

}  // namespace ballast::admin
