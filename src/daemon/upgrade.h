// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "daemon/doors.h"
#include "daemon/inheritance.h"
#include "daemon/successor.h"
#include "daemon/worker.h"
#include "loop/worker_loop.h"
#include "net/passive_ports.h"
#include "net/socket_network.h"

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ballast::daemon {

/// Replaces this process by the program that is installed now, without refusing a client: the new
/// process gets the listening sockets and the passive ports, and this one finishes its sessions.
/// If the new one does not become ready, this one goes on as before. Control thread.
class Upgrade {
public:
    /// What this process hands over. Everything outlives it.
    struct Own {
        loop::WorkerLoop& control;
        net::SocketNetwork& network;
        net::PassivePorts& ports;
        const std::vector<std::unique_ptr<Worker>>& workers;
        Doors& doors;
    };
    /// The new process's id, or why there is none.
    using Done = std::move_only_function<void(base::Result<pid_t>)>;

    /// `told` is called with what operators ask the new process for: it is for this one, too.
    Upgrade(Own own, std::function<void(std::string_view message)> told)
        : own_(own), told_(std::move(told)) {}

    struct Program {
        std::string path;
        std::vector<std::string> arguments;
    };
    /// `takers` are those of `SocketNetwork::connect_workers`. `handing` is called when the new
    /// process is about to take over, which may still fail. `replaced` is called before `done`.
    /// `knowledge` is what the new process inherits beside sockets, in the words of inheritance.h.
    void begin(const Program& program, const std::vector<net::DataTaker*>& takers,
               const std::vector<std::string>& knowledge, std::move_only_function<void()> handing,
               std::move_only_function<void()> replaced, Done done);
    /// A new process has begun and does not serve yet.
    [[nodiscard]] bool is_running() const { return successor_ && !is_replaced_; }
    /// Ends a new process that does not serve yet. This one does not accept again.
    void cancel();
    /// Another process serves. This one only finishes its sessions.
    [[nodiscard]] bool is_replaced() const { return is_replaced_; }
    [[nodiscard]] pid_t successor() const { return successor_ ? successor_->pid() : 0; }
    /// Tells that process what operators may want to know of this one.
    void tell(std::string message);

private:
    void release_ports();
    void released(std::uint64_t attempt, std::vector<net::SocketNetwork::ReleasedPort> ports);
    void give_back(std::vector<net::SocketNetwork::ReleasedPort> ports);
    void replaced();
    void failed(const std::string& reason);

    Own own_;
    const std::function<void(std::string_view)> told_;
    bool is_replaced_ = false;
    std::size_t to_release_ = 0;  // threads that still accept on passive ports
    std::vector<net::SocketNetwork::ReleasedPort> released_;
    std::uint64_t attempt_ = 0;
    std::move_only_function<void()> handing_;
    std::move_only_function<void()> replaced_;
    Done done_;
    std::unique_ptr<Successor> successor_;
};

}  // namespace ballast::daemon
