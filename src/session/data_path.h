// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace ballast::session {

/// What decides who carries the data of one transfer of a listener whose `data_path` lets the
/// kernel do it.
struct PathFacts {
    bool is_forwarding = true;         ///< this machine forwards packets of the client's family
    bool client_is_protected = false;  ///< its data are under TLS
    bool backend_is_protected = false;
    bool follows_client = false;    ///< `backend_data = "as-client"`
    bool may_be_resumed = false;    ///< on another backend: `failover = "transfer"`
    bool is_limited = false;        ///< by a bandwidth
    bool is_proxied = false;        ///< the client came through a proxy
    bool has_open_peer = false;     ///< `data_peer`: others than the client or backend may connect
    bool is_third_party = false;    ///< PORT names another address than the client's
    bool is_transparent = false;    ///< `source = "client"`
    bool sends_proxy = false;       ///< `send_proxy`
    bool has_two_families = false;  ///< IPv4 on one side, IPv6 on the other
    bool is_near = false;     ///< client or backend is on this machine or has a link-local address
    bool lacks_port = false;  ///< an active transfer, and the pool has no `data_ports`
};

/// Why Ballast relays the data, for the story of a session. Empty: the kernel carries them.
[[nodiscard]] std::string_view why_relayed(const PathFacts& facts);

}  // namespace ballast::session
