// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "loop/worker_loop.h"
#include "net/acceptor.h"
#include "net/data_taker.h"
#include "net/network.h"
#include "net/own_connections.h"
#include "net/passive_ports.h"
#include "net/proxy_intake.h"
#include "net/socket.h"

#include <memory>
#include <unordered_map>
#include <vector>

namespace ballast::net {

/// The network of one worker: real sockets on its loop. The workers know each other, because one
/// may listen on a passive port that another waits for.
class SocketNetwork final : public Network, public DataTaker {
public:
    /// `ports` and the networks of `connect_workers` must outlive this one's last session.
    SocketNetwork(loop::WorkerLoop& loop, PassivePorts& ports, PassivePorts::WorkerIndex index,
                  Descriptors descriptors = Descriptors::without_reserve);
    ~SocketNetwork() override;

    /// All that may wait for data connections, ordered by index. Call before the first session.
    void connect_workers(std::vector<DataTaker*> workers) { workers_ = std::move(workers); }
    void hand(std::uint64_t id, base::OwnedFd socket, const base::Address& local,
              const base::Address& peer) override;

    [[nodiscard]] loop::Loop& loop() override { return loop_; }
    using Network::dial;
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<Stream>>> dial(
        Dial dial, loop::Deadline deadline, loop::Signal& signal, Interrupt interrupt) override;
    [[nodiscard]] base::Result<std::unique_ptr<Stream>> dial_path(const std::string& path) override;
    [[nodiscard]] bool is_own(const base::Address& from, const base::Address& to) const override {
        return is_own_connection(from, to);
    }
    [[nodiscard]] loop::Task<base::Result<std::unique_ptr<Lease>>> lend(
        LendRequest request) override;
    [[nodiscard]] std::unique_ptr<Admission> admit(const AdmitRequest& request) override;

    /// Lends a port to this worker, for a lease of its own making, and listens on it if nobody
    /// does.
    [[nodiscard]] loop::Task<base::Result<PassivePorts::Lent>> obtain(
        LendRequest request, PassivePorts::WorkerIndex worker);
    /// Listens on these ports, as far as nobody does.
    void listen_on_all(const std::vector<std::uint16_t>& ports, const AdmitRequest& request);
    /// Accepts on a passive port that another process has listened on so far.
    void adopt_port(const PassivePorts::Key& key, base::OwnedFd listening);
    /// Listens for standing admissions where nobody does any more.
    void listen_again();
    struct ReleasedPort {
        PassivePorts::Key key;
        base::OwnedFd listening;
    };
    /// Stops accepting on its passive ports; new connections wait.
    [[nodiscard]] std::vector<ReleasedPort> release_ports();
    /// Stops listening on passive ports that the configuration has no longer, once nobody waits
    /// there. Call on the loop's thread, now and then.
    void retire_ports();
    /// Stops listening on passive ports. Call on the loop's thread, before it ends.
    void close_ports();

private:
    class PassiveLease;
    class StandingAdmission;

    struct PassivePort;

    enum class Listening : std::uint8_t { yes, not_there, no_descriptors };
    /// Logs and notes failures.
    Listening listen(PassivePorts::Key key, const base::Ip& client, Binding binding);
    void take_data_connection(const std::shared_ptr<PassivePort>& port, base::OwnedFd socket,
                              base::Address peer);
    void take_data_connection_of(PassivePort& port, base::OwnedFd socket, base::Address peer);
    void note_stray(PassivePort& port, const base::Address& peer);
    void hand_over(PassivePorts::Taker taker, base::OwnedFd socket, base::Address local,
                   base::Address peer);
    void deliver(PassivePorts::LeaseId id, base::OwnedFd socket, base::Address local,
                 base::Address peer);
    void accept_on(PassivePorts::Key key, loop::Descriptor listening, base::OwnedFd announced);
    [[nodiscard]] loop::Task<base::Result<PassivePorts::Lent>> borrow(
        std::shared_ptr<PortOwner> owner, LendRequest request, PassivePorts::WorkerIndex worker);

    loop::WorkerLoop& loop_;
    PassivePorts& ports_;
    PassivePorts::WorkerIndex index_;
    Descriptors descriptors_;
    std::vector<DataTaker*> workers_;
    std::unordered_map<PassivePorts::LeaseId, PassiveLease*> leases_;
    std::unordered_map<PassivePorts::LeaseId, StandingAdmission*> admissions_;
    ProxyIntake intake_;
    std::vector<std::shared_ptr<PassivePort>> passive_ports_;
};

}  // namespace ballast::net
