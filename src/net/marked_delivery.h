// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ballast::net {

/// Whether packets with a mark are delivered here, by what the kernel says of its routing rules and
/// routes (rtnetlink(7)). No I/O. Read all rules first, then all routes.
class MarkedDelivery {
public:
    MarkedDelivery(base::Family family, std::uint32_t mark);

    enum class Answer : std::uint8_t {
        goes_on,  ///< more messages follow
        done,
        failed,  ///< an error, or no such messages
    };
    /// One datagram of the answer to RTM_GETRULE.
    Answer read_rules(std::span<const std::byte> datagram);
    /// One datagram of the answer to RTM_GETROUTE.
    Answer read_routes(std::span<const std::byte> datagram);

    /// A rule leads them to a table with a `local default` route.
    [[nodiscard]] bool is_delivered() const { return is_delivered_; }

private:
    const std::uint8_t family_;  // as the kernel has it
    const std::uint32_t mark_;
    std::vector<std::uint32_t> tables_;  // to which rules lead them
    bool is_delivered_ = false;
};

}  // namespace ballast::net
