// SPDX-License-Identifier: Apache-2.0
#include "guard/access_list.h"

#include <algorithm>

namespace ballast::guard {

bool admits(const config::Listener& listener, const base::Ip& client) {
    const auto holds_client = [&](const base::Subnet& network) { return network.contains(client); };
    if (std::ranges::any_of(listener.deny_from, holds_client)) return false;
    return listener.allow_from.empty() || std::ranges::any_of(listener.allow_from, holds_client);
}

}  // namespace ballast::guard
