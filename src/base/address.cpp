// SPDX-License-Identifier: Apache-2.0
#include "base/address.h"

#include "base/number.h"
#include "base/port_range.h"

#include <algorithm>
#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <span>

namespace ballast::base {

namespace {

std::optional<std::uint32_t> parse_scope(const std::string& text) {
    if (const unsigned index = if_nametoindex(text.c_str()); index != 0) return index;
    return parse_number<std::uint32_t>(text);
}

}  // namespace

Ip Ip::from_v4(std::array<std::uint8_t, 4> bytes) {
    Ip ip;
    std::ranges::copy(bytes, ip.bytes_.begin());
    return ip;
}

Ip Ip::from_v6(std::array<std::uint8_t, 16> bytes, std::uint32_t scope) {
    // RFC 4291 2.5.5.2: ::ffff:a.b.c.d is the IPv4 host a.b.c.d.
    constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::ranges::equal(mapped, std::span(bytes).first<12>()))
        return from_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
    Ip ip;
    ip.family_ = Family::ipv6;
    ip.bytes_ = bytes;
    ip.scope_ = scope;
    return ip;
}

std::optional<Ip> Ip::parse(std::string_view text) {
    if (text.size() > 64 || text.contains('\0')) return std::nullopt;
    std::string address(text);
    std::uint32_t scope = 0;
    const auto percent = address.find('%');
    if (percent != std::string::npos) {
        const auto parsed = parse_scope(address.substr(percent + 1));
        if (!parsed) return std::nullopt;
        scope = *parsed;
        address.resize(percent);
    }
    std::array<std::uint8_t, 4> v4{};
    if (inet_pton(AF_INET, address.c_str(), v4.data()) == 1) {
        if (percent != std::string::npos) return std::nullopt;
        return from_v4(v4);
    }
    std::array<std::uint8_t, 16> v6{};
    if (inet_pton(AF_INET6, address.c_str(), v6.data()) == 1) return from_v6(v6, scope);
    return std::nullopt;
}

Ip Ip::any(Family family) { return family == Family::ipv4 ? from_v4({}) : from_v6({}); }

bool Ip::is_any() const {
    return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool Ip::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    return bytes_[15] == 1 &&
           std::ranges::all_of(std::span(bytes_).first<15>(), [](auto byte) { return byte == 0; });
}

bool Ip::is_private() const {
    if (is_loopback()) return true;
    if (!is_v4())
        return (bytes_[0] & 0xfe) == 0xfc || (bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80);
    return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
           (bytes_[0] == 192 && bytes_[1] == 168) || (bytes_[0] == 169 && bytes_[1] == 254) ||
           (bytes_[0] == 100 && (bytes_[1] & 0xc0) == 64);
}

std::optional<Address> Address::parse(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto ip = Ip::parse(host);
    const auto port = parse_port(text.substr(colon + 1));
    if (!ip || !port) return std::nullopt;
    // Without brackets the last group of an IPv6 address would be taken for a port.
    if (bracketed != host.contains(':')) return std::nullopt;
    return Address{*ip, *port};
}

// inet_ntop is an sprintf for IPv4, and every session and transfer writes addresses.
std::string to_string(const Ip& ip) {
    const auto& bytes = ip.bytes();
    if (ip.is_v4()) return fmt::format("{}.{}.{}.{}", bytes[0], bytes[1], bytes[2], bytes[3]);
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
    std::string result = text.data();
    if (ip.scope() != 0) result += '%' + std::to_string(ip.scope());
    return result;
}

std::string to_string(const Address& address) {
    const auto& bytes = address.ip.bytes();
    if (address.ip.is_v4())
        return fmt::format("{}.{}.{}.{}:{}", bytes[0], bytes[1], bytes[2], bytes[3], address.port);
    return fmt::format("[{}]:{}", to_string(address.ip), address.port);
}

}  // namespace ballast::base

std::size_t std::hash<ballast::base::Ip>::operator()(const ballast::base::Ip& ip) const noexcept {
    const std::string_view bytes(reinterpret_cast<const char*>(ip.bytes().data()), 16);
    return std::hash<std::string_view>{}(bytes) ^ (std::size_t{ip.scope()} << 1) ^
           std::size_t{ip.is_v4()};
}

std::size_t std::hash<ballast::base::Address>::operator()(
    const ballast::base::Address& address) const noexcept {
    return std::hash<ballast::base::Ip>{}(address.ip) * 31 + address.port;
}
