// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"
#include "nat/way.h"

#include <optional>

namespace ballast::session {

/// Of a passive data connection through the kernel.
struct PassiveEnds {
    base::Ip client;
    base::Address told;   ///< an address and a port of ours: where the client connects
    base::Address named;  ///< the backend's data port, from its reply
    base::Ip source;      ///< our address on the backend's control connection
};

/// The way that the kernel is asked for. Empty: packets must not be sent there, because the address
/// is of another family, or our own, or not that of one machine.
[[nodiscard]] std::optional<nat::Way> passive_way(const PassiveEnds& ends);

}  // namespace ballast::session
