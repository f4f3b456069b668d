// SPDX-License-Identifier: Apache-2.0
#include "session/passive_way.h"

namespace ballast::session {

namespace {

/// Multicast and broadcast, by RFC 5771 and RFC 4291; 240.0.0.0/4 is reserved.
bool is_of_many(const base::Ip& ip) {
    constexpr std::uint8_t first_of_many_v4 = 224;
    constexpr std::uint8_t first_of_many_v6 = 0xff;
    return ip.bytes().front() >= (ip.is_v4() ? first_of_many_v4 : first_of_many_v6);
}

}  // namespace

std::optional<nat::Way> passive_way(const PassiveEnds& ends) {
    const auto& to = ends.named.ip;
    if (to.family() != ends.client.family() || to.family() != ends.source.family())
        return std::nullopt;
    if (to.is_any() || to.is_loopback() || is_of_many(to) || to.scope() != 0) return std::nullopt;
    // Services of this machine would take the client for a neighbour.
    if (to == ends.source || to == ends.told.ip) return std::nullopt;
    return nat::Way{
        .from = ends.client, .at = ends.told, .to = ends.named, .source = {ends.source, 0}};
}

}  // namespace ballast::session
