// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <string>

/// The PROXY protocol: who a proxied connection really comes from, in front of everything else.
namespace ballast::net {

/// For connections that the proxy makes for itself, health checks above all: version 1 says
/// UNKNOWN, version 2 LOCAL, and the server takes the connection's own addresses.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

/// For a client's connection: from where to where it was. Both addresses are of one family.
[[nodiscard]] std::string proxy_header_v1(const base::Address& from, const base::Address& to);
[[nodiscard]] std::string proxy_header_v2(const base::Address& from, const base::Address& to);

}  // namespace ballast::net
