// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/socket.h"

#include <functional>

namespace ballast::net {

/// Accepts on one listening socket, on the thread of one loop, for as long as it lives.
class Acceptor {
public:
    using Take = std::move_only_function<void(OwnedFd socket, base::Address peer)>;

    /// `take` is called with each accepted, non-blocking socket, which belongs to no loop yet.
    Acceptor(loop::WorkerLoop& loop, OwnedFd listening, Take take);

private:
    loop::Task<> run();

    loop::Signal signal_;
    loop::Descriptor descriptor_;
    Take take_;
    loop::Job job_;
};

/// The address that a connection came to.
[[nodiscard]] base::Address local_address(int native);

}  // namespace ballast::net
