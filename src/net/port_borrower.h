// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/owned_fd.h"
#include "net/data_taker.h"
#include "net/passive_ports.h"
#include "net/port_owner.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ballast::net {

/// Borrows passive ports from the process that has replaced this one. The messages go over a
/// connection that its owner has.
class PortBorrower final : public PortOwner, public std::enable_shared_from_this<PortBorrower> {
public:
    /// Called on the control thread.
    using Send = std::function<void(std::string message)>;

    /// `control` and `ports` outlive it.
    PortBorrower(loop::Loop& control, PassivePorts& ports, std::vector<DataTaker*> workers,
                 Send send)
        : control_(control), ports_(ports), workers_(std::move(workers)), send_(std::move(send)) {}

    // Any thread.
    void lend(const Request& request, Answer answer) override;
    void keep(LeaseId id, loop::Time until) override;
    void give_back(LeaseId id) override;
    void admit(LeaseId id, const Admissions::Range& range, const base::Ip& client) override;
    void dismiss(LeaseId id) override;

    // Control thread.

    /// Tells the owner what waits. Requests for ports go out from now on.
    void hand_over(const PassivePorts::HandedOver& all);
    /// False: the message is about something else.
    [[nodiscard]] bool take(std::string_view message, base::OwnedFd& descriptor);
    /// The owner has gone: all that was asked is answered, with nothing.
    void lose();

private:
    void post(std::string message);
    void send(std::string message);
    void answer(LeaseId id, std::optional<Granted> granted);

    loop::Loop& control_;
    PassivePorts& ports_;
    const std::vector<DataTaker*> workers_;
    const Send send_;
    bool is_handed_over_ = false;
    bool is_lost_ = false;
    std::vector<std::string> held_;  // until all has been handed over
    std::unordered_map<LeaseId, Answer> asked_;
};

}  // namespace ballast::net
