// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "loop/loop.h"
#include "net/admissions.h"
#include "net/binding.h"
#include "net/data_peers.h"

#include <cstdint>
#include <functional>
#include <optional>

namespace ballast::net {

/// The process that has replaced this one, as the owner of the passive ports. This process
/// continues its sessions and borrows ports. The ids are this process's. Any thread may
/// call; nothing blocks.
class PortOwner {
public:
    using LeaseId = std::uint64_t;
    struct Request {
        LeaseId id = 0;
        base::PortRange range;
        base::Ip local;
        DataPeers peers;
        LeaseId holder = 0;  ///< see `LendRequest`
        Binding binding = Binding::strict;
    };
    struct Granted {
        std::uint16_t port = 0;
        LeaseId holder = 0;
    };
    /// Called on any thread, or never. Empty if no port is free.
    using Answer = std::move_only_function<void(std::optional<Granted>)>;

    PortOwner() = default;
    virtual ~PortOwner() = default;
    PortOwner(const PortOwner&) = delete;
    PortOwner& operator=(const PortOwner&) = delete;

    virtual void lend(const Request& request, Answer answer) = 0;
    virtual void keep(LeaseId id, loop::Time until) = 0;
    virtual void give_back(LeaseId id) = 0;
    virtual void admit(LeaseId id, const Admissions::Range& range, const base::Ip& client) = 0;
    virtual void dismiss(LeaseId id) = 0;
};

}  // namespace ballast::net
