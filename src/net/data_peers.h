// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "base/subnet.h"

#include <optional>

namespace ballast::net {

/// Who may open the data connection that is expected on a port.
struct DataPeers {
    base::Ip address;                     ///< that of the control connection's other end
    std::optional<base::Subnet> network;  ///< and whoever comes from here
    bool anyone = false;                  ///< and everybody else
    /// The port is for nobody else meanwhile. Always so if more than one address may come: nobody
    /// could tell whose connection it is.
    bool exclusive = false;

    [[nodiscard]] bool is_exclusive() const { return exclusive || anyone || network.has_value(); }
    [[nodiscard]] bool admits(const base::Ip& ip) const {
        return anyone || ip == address || (network && network->contains(ip));
    }
};

}  // namespace ballast::net
