// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "config/config.h"
#include "session/public_names.h"

#include <optional>
#include <span>

namespace ballast::session {

/// The address that PASV tells a client. It comes from the listener's rules for the client's
/// network, or else is the address that the client connected to (`local`). PASV cannot name an IPv6
/// address. Empty: `names` has not resolved the rule's host name yet.
[[nodiscard]] std::optional<base::Ip> announced_address(std::span<const config::AnnounceRule> rules,
                                                        const base::Ip& client,
                                                        const base::Ip& local,
                                                        const PublicNames& names);

}  // namespace ballast::session
