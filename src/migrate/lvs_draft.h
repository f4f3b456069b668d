// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/draft.h"
#include "migrate/lvs.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ballast::migrate {

/// What else is known about virtual servers.
struct LvsSurroundings {
    std::set<base::Ip> moving;       ///< addresses that VRRP moves between machines
    const Said* timeouts = nullptr;  ///< lvs_timeouts
    std::string certificate = {};    ///< PEM file with which Ballast may end TLS; empty: none
};

/// Adds listeners and pools for the virtual servers that are FTP services. Several virtual servers
/// of one service become one listener: those of data connections are not needed any more.
void draft_services(const std::vector<LvsService>& services, const LvsSurroundings& surroundings,
                    Draft& draft, Report& report);

}  // namespace ballast::migrate
