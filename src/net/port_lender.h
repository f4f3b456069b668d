// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "loop/job.h"
#include "net/data_taker.h"
#include "net/passive_ports.h"
#include "net/socket_network.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::net {

/// Lends passive ports to the process that this one has replaced, and passes on the connections
/// that arrive for it. It waits for them like a worker. Control thread.
class PortLender final : public DataTaker {
public:
    using LeaseId = PassivePorts::LeaseId;
    /// Called on the control thread.
    using Send = std::function<void(std::string message, base::OwnedFd descriptor)>;

    /// `index` is its own among those who wait for connections, see
    /// `SocketNetwork::connect_workers`. `network` is the control thread's; everything outlives it.
    PortLender(SocketNetwork& network, PassivePorts& ports, PassivePorts::WorkerIndex index,
               Send send)
        : network_(network), ports_(ports), index_(index), send_(std::move(send)) {}
    ~PortLender() override;

    /// Any thread.
    void hand(std::uint64_t id, base::OwnedFd socket, const base::Address& local,
              const base::Address& peer) override;
    /// False: the message is about something else.
    [[nodiscard]] bool take(std::string_view message);
    /// The other process has gone: nothing waits for it any more.
    void lose();

private:
    struct Lent {
        LeaseId here = 0;
        PassivePorts::Key key;
        base::Ip client;
    };
    struct Admitted {
        LeaseId here = 0;
        Admissions::Range range;
        base::Ip client;
        std::shared_ptr<DataShare> share;
    };
    void lend(LeaseId there, const LendRequest& request);
    [[nodiscard]] loop::Task<> lend_later(LeaseId there, LendRequest request);
    [[nodiscard]] LeaseId holder_here(LeaseId theirs) const;
    void note(LeaseId there, Lent lent);
    void pass_on(LeaseId here, base::OwnedFd socket, const base::Address& local,
                 const base::Address& peer);
    void admit(LeaseId there, const Admissions::Range& range, const base::Ip& client);
    void give_back(LeaseId there);
    void dismiss(LeaseId there);

    SocketNetwork& network_;
    PassivePorts& ports_;
    const PassivePorts::WorkerIndex index_;
    const Send send_;
    std::unordered_map<LeaseId, Lent> lent_;          // by their ids there
    std::unordered_map<LeaseId, Admitted> admitted_;  // likewise
    std::unordered_map<LeaseId, LeaseId> there_;      // ids there by ids here
    std::unordered_map<LeaseId, LeaseId> holders_;    // ours by theirs
    LeaseId last_holder_ = 0;
    std::list<loop::Job> jobs_;
    std::shared_ptr<bool> is_here_ = std::make_shared<bool>(true);
};

}  // namespace ballast::net
