// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/actions.h"
#include "base/owned_fd.h"
#include "loop/worker_loop.h"
#include "net/message_socket.h"
#include "net/port_lender.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// The process that this one replaces, while it finishes its sessions. It borrows passive ports
/// from this one. Control thread.
class Predecessor {
public:
    struct Events {
        /// It no longer accepts; this process does from now on.
        std::move_only_function<void()> handed;
        /// A passive port that it has listened on. Connections wait there until `handed`.
        std::function<void(const net::PassivePorts::Key& key, base::OwnedFd listening)> port;
        /// It has ended.
        std::move_only_function<void()> gone;
    };
    /// Everything outlives it. `events` come later, except `port`.
    Predecessor(loop::WorkerLoop& control, net::SocketNetwork& network, net::PassivePorts& ports,
                net::PassivePorts::WorkerIndex index, Events events);

    /// Waits for its data connections, see `SocketNetwork::connect_workers`.
    [[nodiscard]] net::DataTaker& taker() { return lender_; }
    /// Tells it that this process is ready to take over. `link` is watched from now on.
    [[nodiscard]] base::Result<> begin(base::OwnedFd link);
    /// Tells it that this process serves.
    void serve();
    /// Tells it what operators have decided, see `Successor::Events::told`.
    void tell(std::string message);
    /// The sessions of it and of those before it, by backends.
    [[nodiscard]] const std::vector<admin::BackendState>& seats() const { return seats_; }
    [[nodiscard]] bool is_here() const { return is_here_; }
    /// It, and those that it has replaced itself.
    [[nodiscard]] const std::vector<admin::Generation>& generations() const { return generations_; }

private:
    void take(std::string_view message, base::OwnedFd descriptor);
    void take_seats(std::string_view message);
    void lost();
    void handed();

    loop::WorkerLoop& control_;
    Events events_;
    net::PortLender lender_;
    bool is_here_ = false;
    bool is_handed_ = false;
    std::vector<admin::Generation> generations_;
    std::vector<admin::BackendState> seats_;
    std::optional<net::MessageSocket> link_;
};

}  // namespace ballast::daemon
