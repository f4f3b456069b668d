// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

namespace ballast::net {

std::string own_proxy_header_v1() { return "PROXY UNKNOWN\r\n"; }

std::string own_proxy_header_v2() {
    // The signature, version 2 and command LOCAL, family and protocol unspecified, no length.
    return {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16};
}

}  // namespace ballast::net
