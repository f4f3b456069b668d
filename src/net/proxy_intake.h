// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/proxy_header.h"
#include "net/socket.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

namespace ballast::net {

/// Connections of proxies whose PROXY header has not arrived yet. Reads no byte behind the header.
/// Belongs to one loop's thread. Destroying it closes all connections that are left.
class ProxyIntake {
public:
    explicit ProxyIntake(loop::WorkerLoop& loop) : loop_(loop) {}

    /// The socket, which belongs to no loop, after its header was read; or why it was closed.
    using Done = std::move_only_function<void(base::Result<base::OwnedFd>, ProxiedConnection)>;
    /// `done` is called once, on this thread. It must not destroy the intake.
    void take(base::OwnedFd socket, std::chrono::milliseconds timeout, Done done);
    void clear() { waiting_.clear(); }

private:
    struct Waiting {
        Waiting(loop::WorkerLoop& loop, loop::Descriptor socket, Done then)
            : signal(loop), connection(std::move(socket)), done(std::move(then)) {
            connection.attach(&signal);
        }
        loop::Signal signal;
        loop::Descriptor connection;
        Done done;
        loop::Job job;
    };
    using Id = std::uint64_t;
    [[nodiscard]] loop::Task<> run(Id id, Waiting& waiting, loop::Deadline deadline);
    void end(Id id, const base::Result<ProxiedConnection>& header);

    loop::WorkerLoop& loop_;
    Id next_id_ = 0;
    std::map<Id, Waiting> waiting_;
};

}  // namespace ballast::net
