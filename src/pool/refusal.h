// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::pool {

/// Why a client gets no backend.
enum class Refusal : std::uint8_t {
    none_resolved,  ///< no name of the pool has an address (yet)
    all_down,
    all_withdrawn,      ///< by the administrator
    down_or_withdrawn,  ///< some are down, the others withdrawn
    all_full,
    all_tried,         ///< every usable one was tried for this client and failed
    sticky_down,       ///< the one that the client sticks to cannot serve, and no other may
    sticky_withdrawn,  ///< the same, by the administrator
    queue_full,
    waited_in_vain,  ///< in the queue, until its timeout
};
[[nodiscard]] std::string_view to_string(Refusal refusal);

}  // namespace ballast::pool
