// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/owned_fd.h"
#include "loop/job.h"
#include "loop/worker_loop.h"
#include "net/message_socket.h"
#include "net/passive_ports.h"
#include "net/port_borrower.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace ballast::daemon {

/// The environment variable by which a successor knows the connection to this process.
inline constexpr const char* upgrade_variable = "BALLAST_UPGRADE_FD";

/// The process that is to replace this one. It is started, gets what it needs, says when it is
/// ready, takes over and serves; from then on it lends passive ports to this one. Control thread.
class Successor {
public:
    using Message = net::MessageSocket::Message;
    struct Events {
        /// It can take over: call `hand_over`.
        std::move_only_function<void()> ready;
        /// It serves. This process only finishes its sessions.
        std::move_only_function<void()> serving;
        /// It ended before it served.
        std::move_only_function<void(std::string reason)> failed;
        /// It has ended after it served.
        std::move_only_function<void()> gone;
        /// An operator has asked it for something that is for this process, too.
        std::function<void(std::string_view message)> told;
    };

    /// How long it may take until it serves.
    static constexpr auto patience = std::chrono::seconds(60);

    /// Everything outlives it. Events come later, never inside a call of this object.
    Successor(loop::WorkerLoop& control, net::PassivePorts& ports,
              std::vector<net::DataTaker*> takers, Events events);
    /// Ends the process unless it serves.
    ~Successor();
    Successor(const Successor&) = delete;
    Successor& operator=(const Successor&) = delete;

    /// Runs `program` with these arguments and tells it `hello`.
    [[nodiscard]] base::Result<> start(const std::string& program,
                                       const std::vector<std::string>& arguments,
                                       std::vector<Message> hello);
    /// The owner of the passive ports from now on.
    [[nodiscard]] std::shared_ptr<net::PortOwner> ports() const { return borrower_; }
    /// Hands over passive ports that are listened on, and everything that waits. No worker listens
    /// on a passive port any more.
    void hand_over(std::vector<Message> ports);
    /// Tells it something that it shows to operators.
    void tell(std::string message);
    [[nodiscard]] pid_t pid() const { return served_by_ != 0 ? served_by_ : pid_; }
    [[nodiscard]] bool has_ended() const { return phase_ == Phase::ended; }

private:
    enum class Phase : std::uint8_t { starting, ready, serving, ended };
    void take(std::string_view message, base::OwnedFd descriptor);
    void lost();
    [[nodiscard]] loop::Task<> watch_time();
    [[nodiscard]] std::string why_it_ended();

    loop::WorkerLoop& control_;
    net::PassivePorts& ports_;
    Events events_;
    Phase phase_ = Phase::starting;
    pid_t pid_ = 0;        // the child of this process
    pid_t served_by_ = 0;  // its own child, if it is only an escort
    std::string last_words_;
    std::shared_ptr<net::PortBorrower> borrower_;
    loop::Signal timer_;
    loop::Job time_job_;
    std::optional<net::MessageSocket> link_;
};

}  // namespace ballast::daemon
