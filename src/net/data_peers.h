// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/subnet.h"

#include <optional>

namespace ballast::net {

/// Which addresses may open the data connection that a port expects.
struct DataPeers {
    base::Ip address;                     ///< the control connection's other end
    std::optional<base::Subnet> network;  ///< and addresses in this network
    bool anyone = false;                  ///< and all other addresses
    /// The port serves nobody else meanwhile. Always so if several addresses may connect, because
    /// then the address does not tell whose connection it is.
    bool exclusive = false;

    [[nodiscard]] bool is_exclusive() const { return exclusive || anyone || network.has_value(); }
    [[nodiscard]] bool admits(const base::Ip& ip) const {
        return anyone || ip == address || (network && network->contains(ip));
    }
};

}  // namespace ballast::net
