// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// The PROXY protocol: who a proxied connection really comes from, in front of everything else.
/// Versions 1 and 2 as HAProxy's proxy-protocol.txt has them.
namespace ballast::net {

/// For connections that the proxy makes for itself, health checks above all: version 1 says
/// UNKNOWN, version 2 LOCAL, and the server takes the connection's own addresses.
[[nodiscard]] std::string own_proxy_header_v1();
[[nodiscard]] std::string own_proxy_header_v2();

/// What version 2 can say of a client besides its address.
struct ProxyFacts {
    struct Tls {
        std::string version;      ///< "TLSv1.3"
        std::string cipher;       ///< as OpenSSL names it
        std::string server_name;  ///< what it asked for (SNI); empty: nothing
        std::string common_name;  ///< of its certificate, which was verified; empty: it showed none
    };
    std::string session;     ///< the id in our log lines
    std::optional<Tls> tls;  ///< empty: plain text
};

/// For a client's connection: from where to where it was. Both addresses are of one family.
[[nodiscard]] std::string proxy_header_v1(const base::Address& from, const base::Address& to);
[[nodiscard]] std::string proxy_header_v2(const base::Address& from, const base::Address& to,
                                          const ProxyFacts& facts = {});

/// What a proxy in front says.
struct ProxiedConnection {
    std::size_t bytes = 0;  ///< so long was the header
    /// Where the client connected from, and to. Both or neither: without them the proxy speaks for
    /// itself, and the connection's own addresses hold.
    std::optional<base::Address> from;
    std::optional<base::Address> to;
};

enum class ProxyHeaderError : std::uint8_t {
    not_a_header,
    malformed,  ///< a header, and one that says what cannot be
    too_long,
};
[[nodiscard]] std::string_view to_string(ProxyHeaderError error);

/// A header is never longer.
inline constexpr std::size_t proxy_header_bytes_max = 4096;

/// `received` is everything since the first byte; more may follow the header. Empty: the rest of it
/// is still to come, and every byte so far is the header's.
[[nodiscard]] std::optional<std::expected<ProxiedConnection, ProxyHeaderError>> parse_proxy_header(
    std::string_view received);

}  // namespace ballast::net
