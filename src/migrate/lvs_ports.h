// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/port_range.h"
#include "migrate/lvs_roles.h"

#include <map>
#include <optional>
#include <vector>

namespace ballast::migrate {

/// Which ports data connections use in the new configuration.
class LvsPorts {
public:
    explicit LvsPorts(const std::vector<Part>& parts);

    /// For clients of listeners that end TLS, or have none.
    [[nodiscard]] const base::PortRange& passive() const { return passive_; }
    /// Whether the file says these ports.
    [[nodiscard]] bool is_said() const { return is_said_; }
    /// The ports that a server alone has to use, the same for each call.
    [[nodiscard]] base::PortRange slice_of(const base::Ip& server);

private:
    [[nodiscard]] bool is_free(const base::PortRange& range) const;

    std::vector<std::uint16_t> control_;
    base::PortRange passive_;
    bool is_said_ = false;
    std::map<base::Ip, base::PortRange> slices_;
    std::uint32_t next_slice_ = 0;
};

}  // namespace ballast::migrate
