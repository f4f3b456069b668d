// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"

#include <optional>
#include <string_view>
#include <vector>

namespace ballast::daemon {

/// The ports that the system uses for outgoing connections (ip(7)). Each may be in use at any time.
class EphemeralPorts {
public:
    /// Parses `net.ipv4.ip_local_port_range` and `net.ipv4.ip_local_reserved_ports`. Empty if the
    /// first is malformed.
    static std::optional<EphemeralPorts> parse(std::string_view range, std::string_view reserved);
    /// The ports of this machine. Empty if the system does not say.
    static std::optional<EphemeralPorts> of_this_machine();

    [[nodiscard]] base::PortRange range() const { return range_; }
    /// Whether the system may use one of these ports.
    [[nodiscard]] bool meet(const base::PortRange& ports) const;

private:
    base::PortRange range_;
    std::vector<base::PortRange> reserved_;
};

}  // namespace ballast::daemon
