// SPDX-License-Identifier: Apache-2.0
#include "session/data_path.h"

namespace ballast::session {

std::string_view why_relayed(const PathFacts& facts) {
    if (facts.client_is_protected) return "the client's data are under TLS";
    if (facts.backend_is_protected) return "the server's data are under TLS";
    if (facts.is_limited) return "a bandwidth limit holds for it";
    if (facts.may_be_resumed) return "the pool may resume a download on another server";
    if (facts.has_two_families) return "client and server have different families of addresses";
    if (!facts.is_forwarding) return "this machine does not forward this family of addresses";
    if (facts.follows_client) return "backend_data is \"as-client\"";
    if (facts.is_transparent) return "the pool's source is \"client\"";
    if (facts.sends_proxy) return "the pool sends PROXY headers";
    if (facts.is_proxied) return "the client came through a proxy";
    if (facts.has_open_peer) return "data_peer lets others connect";
    if (facts.is_third_party) return "the client named another address than its own";
    if (facts.is_near) return "client or server is on this machine or link";
    if (facts.lacks_port) return "the pool has no data_ports";
    return {};
}

}  // namespace ballast::session
