// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/network.h"
#include "net/passive_ports.h"

#include <cstdint>

namespace ballast::net {

/// The part of a lease that every network has: its entry in the table of passive ports, and when it
/// expires. A subclass holds the connection that has come. Belongs to the thread that asked for it;
/// the loop and the table outlive it.
class PortLease : public Lease {
public:
    /// Gives the port back.
    ~PortLease() override;

    [[nodiscard]] std::uint16_t port() const override { return key_.port; }
    void attach(loop::Signal* signal) override { signal_ = signal; }
    [[nodiscard]] bool has_expired() const override;
    [[nodiscard]] bool keep() override;
    void keep_no_longer() override;
    void end_elsewhere() override;
    [[nodiscard]] std::uint64_t holder() const override { return lent_.holder; }

protected:
    PortLease(loop::Loop& loop, PassivePorts& ports, PassivePorts::Key key, const base::Ip& client,
              const PassivePorts::Lent& lent)
        : loop_(loop), ports_(ports), key_(key), client_(client), lent_(lent) {}

    [[nodiscard]] PassivePorts::LeaseId id() const { return lent_.id; }
    /// To be called when the subclass has taken the connection.
    void note_arrival();

private:
    loop::Loop& loop_;
    PassivePorts& ports_;
    const PassivePorts::Key key_;
    const base::Ip client_;
    const PassivePorts::Lent lent_;
    loop::Signal* signal_ = nullptr;
    bool has_come_ = false;
    bool is_kept_ = false;
};

}  // namespace ballast::net
