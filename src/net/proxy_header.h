// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// The PROXY protocol: a header that says where a proxied connection really comes from. Versions 1
/// and 2 of HAProxy's proxy-protocol.txt.
namespace ballast::net {

/// For the proxy's own connections, mostly health checks. Version 1 says UNKNOWN and version 2
/// LOCAL, and the server uses the connection's own addresses.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

/// What version 2 can say about a client besides its address.
struct ProxyFacts {
    struct Tls {
        std::string version;      ///< "TLSv1.3"
        std::string cipher;       ///< as OpenSSL names it
        std::string server_name;  ///< the SNI name; empty: none
        std::string common_name;  ///< of its verified certificate; empty: none
    };
    std::string session;     ///< its id in our log lines
    std::optional<Tls> tls;  ///< empty: plain text
};

/// For a client's connection: its two addresses, which are of one family.
[[nodiscard]] std::string proxy_header_v1(const base::Address& from, const base::Address& to);
[[nodiscard]] std::string proxy_header_v2(const base::Address& from, const base::Address& to,
                                          const ProxyFacts& facts = {});

/// What a proxy in front of us says.
struct ProxiedConnection {
    std::size_t bytes = 0;  ///< length of the header
    /// Where the client connected from, and to. Both or neither. Without them the connection is the
    /// proxy's own, and its own addresses apply.
    std::optional<base::Address> from;
    std::optional<base::Address> to;
};

enum class ProxyHeaderError : std::uint8_t {
    not_a_header,
    malformed,  ///< a header with impossible content
    too_long,
};
[[nodiscard]] std::string_view to_string(ProxyHeaderError error);

/// The longest possible header.
inline constexpr std::size_t proxy_header_bytes_max = 4096;

/// `received` is everything since the first byte; more may follow the header. Empty if the header
/// is not complete yet; then all bytes so far belong to it.
[[nodiscard]] std::optional<std::expected<ProxiedConnection, ProxyHeaderError>> parse_proxy_header(
    std::string_view received);

}  // namespace ballast::net
