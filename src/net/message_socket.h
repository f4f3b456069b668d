// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace ballast::net {

/// One end of a connection between two processes of Ballast on this machine: a Unix socket
/// (SOCK_SEQPACKET). Each message is a line of text and may carry a descriptor (SCM_RIGHTS).
/// Belongs to the thread of its loop.
class MessageSocket {
public:
    static constexpr std::size_t message_bytes_max = 4096;
    /// A peer that takes nothing must not use up the memory: with more it counts as lost.
    static constexpr std::size_t queued_max = 500'000;

    using Take = std::move_only_function<void(std::string_view message, base::OwnedFd descriptor)>;
    using Lost = std::move_only_function<void()>;

    /// Both ends of a new connection.
    [[nodiscard]] static base::Result<std::pair<base::OwnedFd, base::OwnedFd>> pair();

    struct Message {
        std::string text;
        base::OwnedFd descriptor;
    };
    /// For one end that no loop watches yet: the next message. An error if none comes in time, or
    /// the peer has gone.
    [[nodiscard]] static base::Result<Message> receive(const base::OwnedFd& end,
                                                       std::chrono::milliseconds timeout);
    /// Sends if the peer can take it at once.
    static void send_now(const base::OwnedFd& end, const std::string& message);

    /// Calls `take` with each message, and `lost` once when the peer has gone. Neither may destroy
    /// this object.
    MessageSocket(loop::WorkerLoop& loop, loop::Descriptor descriptor, Take take, Lost lost);

    /// Sends all messages in order, as soon as the peer takes them.
    void send(std::string message, base::OwnedFd descriptor = {});
    [[nodiscard]] bool is_lost() const { return is_lost_; }

private:
    [[nodiscard]] loop::Task<> run();
    [[nodiscard]] bool write_queued();
    [[nodiscard]] bool read_all();

    loop::Signal signal_;
    loop::Descriptor descriptor_;
    Take take_;
    Lost lost_;
    std::deque<Message> queue_;
    bool is_lost_ = false;
    loop::Job job_;
};

}  // namespace ballast::net
