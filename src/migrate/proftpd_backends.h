// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

/// The servers that ProxyReverseServers names.
namespace ballast::migrate::proftpd {

struct BackendUrl {
    std::string host;
    std::uint16_t port = 0;  ///< 0: the records of SRV say it
    bool is_srv = false;
    bool has_tls = false;  ///< "ftps"
};

/// "ftp://ftp1.example.com:2121", "ftps://[2001:db8::1]", "ftp+srv://_ftp._tcp.example.com". The
/// error says why Ballast cannot use it.
[[nodiscard]] std::expected<BackendUrl, std::string_view> parse_url(std::string_view url);

/// The strings of a JSON array. The error says what is wrong.
[[nodiscard]] std::expected<std::vector<std::string>, std::string_view> parse_json_list(
    std::string_view text);

}  // namespace ballast::migrate::proftpd
