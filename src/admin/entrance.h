// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/connection.h"
#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/socket.h"

#include <cstddef>
#include <list>
#include <memory>
#include <utility>

namespace ballast::admin {

/// One listening socket, and the connections that have come there. Each entrance has places of its
/// own: however many connect to one, nobody is locked out at another. Belongs to the control
/// thread.
class Entrance {
public:
    struct Settings {
        Way way = Way::socket;
        /// Concurrent connections, without those whose answers go on. Further ones wait, until one
        /// of these makes room for them by having kept Ballast waiting.
        std::size_t connections_max = 16;
        Patience patience = {};
    };
    Entrance(loop::WorkerLoop& loop, Answerer answer, const Settings& settings,
             std::shared_ptr<const Access> access);

    /// Accepts on this socket, which is listening and non-blocking.
    void open(loop::Descriptor listening);
    /// Accepts no more. Requests that have come are answered; idle connections and streams end.
    void close();
    /// Each answer is the last of its connection from now on, and streams end: another process
    /// answers those who connect again.
    void see_off();
    void use(std::shared_ptr<const Access> access);

private:
    [[nodiscard]] loop::Task<> serve();
    void adopt(base::OwnedFd accepted, const net::SystemAddress& peer);
    [[nodiscard]] std::size_t places_taken() const;
    [[nodiscard]] loop::Deadline make_room();
    void wake_all();

    loop::WorkerLoop& loop_;
    const std::size_t connections_max_;
    Hall hall_;
    loop::Signal signal_;  // a connection has come or has ended
    loop::Descriptor listening_;
    std::list<Connection> connections_;
    loop::Job job_;
};

}  // namespace ballast::admin
