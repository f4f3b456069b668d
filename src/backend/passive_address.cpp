// SPDX-License-Identifier: Apache-2.0
#include "backend/passive_address.h"

#include "ftp/host_port.h"

namespace ballast::backend {

std::expected<base::Address, std::string_view> passive_address(std::string_view reply,
                                                               const PassiveTrust& trust) {
    const auto passive = ftp::parse_passive_reply(reply);
    // Port 0 cannot be dialled, even if the pool trusts low ports.
    if (!passive || passive->port == 0) return std::unexpected("named no data port");
    if (passive->port <= ftp::well_known_port_last && !trust.low_ports)
        return std::unexpected("named a data port below 1024, see trust_low_ports");
    const bool is_trusted = trust.address && passive->ip && !passive->ip->is_any();
    return base::Address{is_trusted ? *passive->ip : trust.control, passive->port};
}

}  // namespace ballast::backend
