// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/socket.h"

#include <functional>
#include <optional>
#include <string>

namespace ballast::net {

/// Accepts on one listening socket, on the thread of one loop, for as long as it lives.
class Acceptor {
public:
    using Take = std::move_only_function<void(base::OwnedFd socket, base::Address peer)>;

    /// Calls `take` with each accepted, non-blocking socket, which belongs to no loop yet. With
    /// `last_words` it keeps a descriptor in reserve: when no others are left, clients get these
    /// words, which may be empty. Clients never get the descriptors kept for probes.
    Acceptor(loop::WorkerLoop& loop, loop::Descriptor listening, Take take,
             std::optional<std::string> last_words = {});

    /// Stops and returns the listening socket. Not to be called from `take`.
    [[nodiscard]] base::OwnedFd close();
    /// Connections wait until then.
    void pause_until(loop::Time time) { resume_at_ = time; }

private:
    loop::Task<> run();
    [[nodiscard]] bool give(base::OwnedFd accepted, const base::Address& peer);
    void refuse_some();

    loop::Signal signal_;
    loop::Descriptor descriptor_;
    Take take_;
    std::optional<std::string> last_words_;
    base::OwnedFd reserve_;
    loop::Time resume_at_;
    loop::Job job_;
};

/// The address that a connection came to.
[[nodiscard]] base::Result<base::Address> local_address(int native);

}  // namespace ballast::net
