// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// The PROXY protocol: who a proxied connection really comes from, in front of everything else.
namespace ballast::net {

/// For connections that the proxy makes for itself, health checks above all: version 1 says
/// UNKNOWN, version 2 LOCAL, and the server takes the connection's own addresses.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

}  // namespace ballast::net
