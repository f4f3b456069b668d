// SPDX-License-Identifier: Apache-2.0
#include "net/proxy_header.h"

#include "base/number.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <vector>

namespace ballast::net {

namespace {

using std::string_view;

using Parsed = std::expected<ProxiedConnection, ProxyHeaderError>;

constexpr string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr string_view word = "PROXY ";
constexpr std::size_t v1_bytes_max = 107;
/// Version 2, before the addresses: the signature, two bytes and the length of the rest.
constexpr std::size_t v2_fixed_bytes = 16;
constexpr std::size_t tlv_head_bytes = 3;

// Types of TLVs.
constexpr char authority = '\x02';
constexpr char unique_id = '\x05';
constexpr char ssl = '\x20';
constexpr char ssl_version = '\x21';
constexpr char ssl_common_name = '\x22';
constexpr char ssl_cipher = '\x23';

std::string two_bytes(std::size_t number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

std::size_t number_at(string_view bytes, std::size_t at) {
    return (static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8) |
           static_cast<unsigned char>(bytes[at + 1]);
}

// Bounds of the values. Together they keep the header far below what a reader must accept, and no
// TLV that contains others is ever cut.
constexpr std::size_t unique_id_bytes_max = 128;  // from the specification
constexpr std::size_t authority_bytes_max = 255;  // a host name, RFC 1035 2.3.4
constexpr std::size_t ssl_value_bytes_max = 256;

std::string tlv(char type, string_view value) {
    return std::string(1, type) + two_bytes(value.size()) + std::string(value);
}

/// Text that a peer chose, cut between two UTF-8 characters. Nothing for an empty value.
std::string tlv_of_text(char type, string_view text, std::size_t bytes_max) {
    const auto is_inside_character = [&](std::size_t at) {
        return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
    };
    if (text.size() > bytes_max) {
        while (bytes_max > 0 && is_inside_character(bytes_max)) --bytes_max;
        text = text.substr(0, bytes_max);
    }
    return text.empty() ? std::string() : tlv(type, text);
}

std::string tlvs_of(const ProxyFacts& facts) {
    auto tlvs = tlv_of_text(unique_id, facts.session, unique_id_bytes_max);
    if (!facts.tls) return tlvs;
    const auto& tls = *facts.tls;
    // Bits: TLS, a certificate on this connection, a certificate in its session. Then the result of
    // its verification, 0 for success. Without a certificate nothing was verified.
    const bool has_certificate = !tls.common_name.empty();
    std::string value = {has_certificate ? '\x07' : '\x01', 0, 0, 0, has_certificate ? '\0' : '\1'};
    value += tlv_of_text(ssl_version, tls.version, ssl_value_bytes_max);
    value += tlv_of_text(ssl_cipher, tls.cipher, ssl_value_bytes_max);
    // A reader that stops at NUL would take "bob\0x" for bob, so leave such a name out.
    if (!tls.common_name.contains('\0'))
        value += tlv_of_text(ssl_common_name, tls.common_name, ssl_value_bytes_max);
    return tlvs + tlv_of_text(authority, tls.server_name, authority_bytes_max) + tlv(ssl, value);
}

/// Whether `received` and `whole` agree as far as both go.
bool may_become(string_view received, string_view whole) {
    const auto common = std::min(received.size(), whole.size());
    return received.substr(0, common) == whole.substr(0, common);
}

std::vector<string_view> fields_of(string_view line) {
    std::vector<string_view> fields;
    for (;;) {
        const auto space = line.find(' ');
        fields.push_back(line.substr(0, space));
        if (space == string_view::npos) return fields;
        line.remove_prefix(space + 1);
    }
}

std::optional<base::Address> address_of(string_view ip, string_view port, bool is_v4) {
    const bool looks_v4 = ip.find(':') == string_view::npos;
    const auto parsed = base::Ip::parse(ip);
    const auto number = base::parse_number<std::uint16_t>(port);
    const bool has_zeros = port.size() > 1 && port.front() == '0';
    if (!parsed || parsed->scope() != 0 || looks_v4 != is_v4 || !number || has_zeros)
        return std::nullopt;
    return base::Address{*parsed, *number};
}

/// `line` is without its CRLF.
Parsed parse_v1_line(string_view line, std::size_t bytes) {
    const auto malformed = std::unexpected(ProxyHeaderError::malformed);
    const auto fields = fields_of(line.substr(word.size()));
    // Ignore everything behind UNKNOWN.
    if (fields.front() == "UNKNOWN") return ProxiedConnection{bytes, {}, {}};
    constexpr std::size_t field_count = 5;
    const bool is_v4 = fields.front() == "TCP4";
    if (fields.size() != field_count || (!is_v4 && fields.front() != "TCP6")) return malformed;
    const auto from = address_of(fields[1], fields[3], is_v4);
    const auto to = address_of(fields[2], fields[4], is_v4);
    if (!from || !to || from->ip.family() != to->ip.family()) return malformed;
    return ProxiedConnection{bytes, from, to};
}

std::optional<Parsed> parse_v1(string_view received) {
    const auto end = received.substr(0, v1_bytes_max).find('\n');
    if (end == string_view::npos) {
        if (received.size() < v1_bytes_max) return std::nullopt;
        return std::unexpected(ProxyHeaderError::too_long);
    }
    if (received[end - 1] != '\r') return std::unexpected(ProxyHeaderError::malformed);
    return parse_v1_line(received.substr(0, end - 1), end + 1);
}

base::Ip ip_at(string_view bytes, bool is_v4) {
    std::array<std::uint8_t, 16> all{};
    std::ranges::copy(bytes.substr(0, is_v4 ? 4 : 16), all.begin());
    return is_v4 ? base::Ip::from_v4({all[0], all[1], all[2], all[3]}) : base::Ip::from_v6(all);
}

bool are_tlvs(string_view bytes) {
    while (!bytes.empty()) {
        if (bytes.size() < tlv_head_bytes) return false;
        const auto value_bytes = number_at(bytes, 1);
        if (bytes.size() - tlv_head_bytes < value_bytes) return false;
        bytes.remove_prefix(tlv_head_bytes + value_bytes);
    }
    return true;
}

/// `content` is what follows the fixed part.
Parsed parse_v2_content(char command, char protocol, string_view content) {
    const auto malformed = std::unexpected(ProxyHeaderError::malformed);
    const auto bytes = v2_fixed_bytes + content.size();
    constexpr char local_command = '\x20';
    constexpr char proxy_command = '\x21';
    if (command == local_command) return ProxiedConnection{bytes, {}, {}};
    if (command != proxy_command) return malformed;
    // Unspecified or local sockets: the proxy does not know the address.
    constexpr std::array<char, 2> no_addresses = {'\x00', '\x31'};
    if (std::ranges::find(no_addresses, protocol) != no_addresses.end())
        return ProxiedConnection{bytes, {}, {}};
    const bool is_v4 = protocol == '\x11';
    if (!is_v4 && protocol != '\x21') return malformed;
    const std::size_t ip_bytes = is_v4 ? 4 : 16;
    const auto address_bytes = 2 * (ip_bytes + 2);
    if (content.size() < address_bytes || !are_tlvs(content.substr(address_bytes)))
        return malformed;
    const auto port_at = [&](std::size_t at) {
        return static_cast<std::uint16_t>(number_at(content, at));
    };
    const base::Address from{ip_at(content, is_v4), port_at(2 * ip_bytes)};
    const base::Address to{ip_at(content.substr(ip_bytes), is_v4), port_at(2 * ip_bytes + 2)};
    if (from.ip.family() != to.ip.family()) return malformed;
    return ProxiedConnection{bytes, from, to};
}

std::optional<Parsed> parse_v2(string_view received) {
    if (received.size() < v2_fixed_bytes) return std::nullopt;
    const auto content_bytes = number_at(received, v2_fixed_bytes - 2);
    if (v2_fixed_bytes + content_bytes > proxy_header_bytes_max)
        return std::unexpected(ProxyHeaderError::too_long);
    if (received.size() < v2_fixed_bytes + content_bytes) return std::nullopt;
    return parse_v2_content(received[signature.size()], received[signature.size() + 1],
                            received.substr(v2_fixed_bytes, content_bytes));
}

}  // namespace

std::string own_proxy_header_v1() { return "PROXY UNKNOWN\r\n"; }

std::string own_proxy_header_v2() {
    // Version 2 and command LOCAL, family and protocol unspecified, no length.
    return std::string(signature) + std::string("\x20\0\0\0", 4);
}

std::string proxy_header_v1(const base::Address& from, const base::Address& to) {
    const bool is_v4 = from.ip.is_v4();
    // A link's name means nothing on another machine.
    const auto text = [&](const base::Ip& ip) {
        return base::to_string(is_v4 ? ip : base::Ip::from_v6(ip.bytes()));
    };
    return fmt::format("PROXY TCP{} {} {} {} {}\r\n", is_v4 ? 4 : 6, text(from.ip), text(to.ip),
                       from.port, to.port);
}

std::string proxy_header_v2(const base::Address& from, const base::Address& to,
                            const ProxyFacts& facts) {
    const bool is_v4 = from.ip.is_v4();
    const std::size_t ip_bytes = is_v4 ? 4 : 16;
    std::string content;
    for (const auto* const each : {&from, &to})
        content.append(reinterpret_cast<const char*>(each->ip.bytes().data()), ip_bytes);
    for (const auto* const each : {&from, &to}) content += two_bytes(each->port);
    content += tlvs_of(facts);
    // Command PROXY, TCP over IPv4 or IPv6, and how much follows.
    std::string header(signature);
    header += {'\x21', is_v4 ? '\x11' : '\x21'};
    return header + two_bytes(content.size()) + content;
}

std::string_view to_string(ProxyHeaderError error) {
    switch (error) {
        case ProxyHeaderError::not_a_header: return "there is no PROXY header";
        case ProxyHeaderError::malformed: return "the PROXY header is malformed";
        case ProxyHeaderError::too_long: return "the PROXY header is too long";
    }
    return "?";
}

std::optional<Parsed> parse_proxy_header(string_view received) {
    if (received.empty()) return std::nullopt;
    if (may_become(received, word))
        return received.size() < word.size() ? std::nullopt : parse_v1(received);
    if (may_become(received, signature))
        return received.size() < signature.size() ? std::nullopt : parse_v2(received);
    return std::unexpected(ProxyHeaderError::not_a_header);
}

}  // namespace ballast::net
