// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::ftp {

/// Why a PORT or EPRT argument, or a 227 or 229 reply, is not valid.
enum class HostPortError : std::uint8_t {
    syntax,  ///< not of the verb's form: 501
    family,  ///< RFC 2428 2: an unknown network protocol: 522
    port_zero,
};

/// RFC 2577 3: ports up to this one belong to well-known services. Data connections avoid them.
inline constexpr std::uint16_t well_known_port_last = 1023;

/// PORT h1,h2,h3,h4,p1,p2 (RFC 959 4.1.2): six decimal numbers from 0 to 255, separated by commas.
/// Like most servers, this allows blanks around the whole, spaces behind commas, and a '.' or ','
/// at the end, and nothing else.
[[nodiscard]] std::expected<base::Address, HostPortError> parse_port(std::string_view argument);
/// EPRT |1|192.0.2.1|6275| (RFC 2428 2) with any printable delimiter and trailing blanks. An
/// IPv4-mapped IPv6 address under protocol 2 is refused.
[[nodiscard]] std::expected<base::Address, HostPortError> parse_eprt(std::string_view argument);

/// EPSV's argument (RFC 2428 3): nothing, a protocol number or ALL (any case), and trailing blanks.
struct EpsvRequest {
    bool all = false;
    std::optional<base::Family> family;
    friend bool operator==(const EpsvRequest&, const EpsvRequest&) = default;
};
[[nodiscard]] std::expected<EpsvRequest, HostPortError> parse_epsv_argument(
    std::string_view argument);

/// The data port that a backend named. Servers also answer PASV with 229 and EPSV with 227. So one
/// parser takes both, by the form of the text and not by the code.
struct PassiveReply {
    std::optional<base::Ip> ip;  ///< only a 227 names one, and it is often private or wrong
    std::uint16_t port = 0;
    friend bool operator==(const PassiveReply&, const PassiveReply&) = default;
};
/// RFC 1123 4.1.2.6: scan for the digits. Seen: no parentheses, spaces behind the commas, trailing
/// text, "=h1,h2,..", "(0:0:0:0:0:0:0:1,p1,p2)" (an IPv6 address), "!!!port!", a trailing '.', the
/// reply in several lines. `text` is the whole reply (`Reply::text`).
[[nodiscard]] std::expected<PassiveReply, HostPortError> parse_passive_reply(std::string_view text);

/// "227 Entering Passive Mode (h1,h2,h3,h4,p1,p2).\r\n": some clients match exactly this text. The
/// address is IPv4.
[[nodiscard]] std::string format_pasv(const base::Address& address);
/// "229 Entering Extended Passive Mode (|||port|)\r\n"
[[nodiscard]] std::string format_epsv(std::uint16_t port);
/// A backend's own 227 or 229 (`Reply::text`, any number of lines) with its numbers replaced by
/// `address`. Form and other text are kept: "227 Data at 10,0,0,1,4,1 now" only gets new numbers.
/// 227 needs an IPv4 address. Empty where `parse_passive_reply` finds nothing.
[[nodiscard]] std::optional<std::string> with_passive_address(std::string_view text,
                                                              const base::Address& address);
/// "PORT h1,h2,h3,h4,p1,p2" and "EPRT |af|ip|port|", without CRLF.
[[nodiscard]] std::string format_port(const base::Address& address);
[[nodiscard]] std::string format_eprt(const base::Address& address);

}  // namespace ballast::ftp
