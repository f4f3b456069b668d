// SPDX-License-Identifier: Apache-2.0
#include "session/announce.h"

namespace ballast::session {

base::Ip announced_address(std::span<const config::AnnounceRule> rules, const base::Ip& client,
                           const base::Ip& local) {
    for (const auto& rule : rules)
        if (!rule.network || rule.network->contains(client)) return rule.address.value_or(local);
    return local;
}

}  // namespace ballast::session
