// SPDX-License-Identifier: Apache-2.0
#include "session/announce.h"

namespace ballast::session {

std::optional<base::Ip> announced_address(std::span<const config::AnnounceRule> rules,
                                          const base::Ip& client, const base::Ip& local,
                                          const PublicNames& names) {
    for (const auto& rule : rules) {
        if (rule.network && !rule.network->contains(client)) continue;
        return rule.name.empty() ? rule.address.value_or(local) : names.find(rule.name);
    }
    return local;
}

}  // namespace ballast::session
