// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "session/public_names.h"

#include <optional>
#include <span>

namespace ballast::session {

/// The address that PASV tells a client: what the listener's rules say for the client's network,
/// else the address that the client connected to (`local`). An IPv6 address cannot be told by PASV.
/// Empty: the rule has a host name that `names` does not know yet.
[[nodiscard]] std::optional<base::Ip> announced_address(std::span<const config::AnnounceRule> rules,
                                                        const base::Ip& client,
                                                        const base::Ip& local,
                                                        const PublicNames& names);

}  // namespace ballast::session
