// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include <fmt/format.h>

namespace ballast::net {

namespace {

constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);

}  // namespace

std::string own_proxy_header_v1() { return "PROXY UNKNOWN\r\n"; }

std::string own_proxy_header_v2() {
    // Version 2 and command LOCAL, family and protocol unspecified, no length.
    return std::string(signature) + std::string("\x20\0\0\0", 4);
}

std::string proxy_header_v1(const base::Address& from, const base::Address& to) {
    const bool is_v4 = from.ip.is_v4();
    // A link's name means nothing elsewhere.
    const auto text = [&](const base::Ip& ip) {
        return base::to_string(is_v4 ? ip : base::Ip::from_v6(ip.bytes()));
    };
    return fmt::format("PROXY TCP{} {} {} {} {}\r\n", is_v4 ? 4 : 6, text(from.ip), text(to.ip),
                       from.port, to.port);
}

std::string proxy_header_v2(const base::Address& from, const base::Address& to) {
    const bool is_v4 = from.ip.is_v4();
    const std::size_t ip_bytes = is_v4 ? 4 : 16;
    // Command PROXY, TCP over IPv4 or IPv6, and how much follows.
    std::string header(signature);
    header += {'\x21', is_v4 ? '\x11' : '\x21', '\0', static_cast<char>(2 * (ip_bytes + 2))};
    for (const auto* const each : {&from, &to})
        header.append(reinterpret_cast<const char*>(each->ip.bytes().data()), ip_bytes);
    for (const auto* const each : {&from, &to})
        header += {static_cast<char>(each->port >> 8), static_cast<char>(each->port & 0xff)};
    return header;
}

}  // namespace ballast::net
