// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::base {

enum class Family : std::uint8_t { ipv4, ipv6 };

/// An IPv4 or IPv6 address without a port. Parsing turns an IPv4-mapped IPv6 address into IPv4, so
/// that two spellings of one host compare equal.
class Ip {
public:
    constexpr Ip() = default;  ///< 0.0.0.0
    static Ip from_v4(std::array<std::uint8_t, 4> bytes);
    static Ip from_v6(std::array<std::uint8_t, 16> bytes, std::uint32_t scope = 0);
    /// Dotted quad or RFC 4291 text, with an optional `%scope`; no brackets, no names.
    static std::optional<Ip> parse(std::string_view text);
    static Ip any(Family family);

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool is_v4() const { return family_ == Family::ipv4; }
    [[nodiscard]] bool is_any() const;
    [[nodiscard]] bool is_loopback() const;
    /// Not reachable from the internet: RFC 1918, RFC 6598, RFC 4193, loopback and link-local.
    [[nodiscard]] bool is_private() const;
    /// Network byte order; the first 4 bytes for IPv4.
    [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
    [[nodiscard]] std::uint32_t scope() const { return scope_; }

    friend auto operator<=>(const Ip&, const Ip&) = default;

private:
    Family family_ = Family::ipv4;
    std::uint32_t scope_ = 0;
    std::array<std::uint8_t, 16> bytes_{};
};

/// Where a connection comes from or goes to: an IP address and a port.
struct Address {
    Ip ip;
    std::uint16_t port = 0;

    /// "192.0.2.1:21" or "[2001:db8::1]:21".
    static std::optional<Address> parse(std::string_view text);

    friend auto operator<=>(const Address&, const Address&) = default;
};

[[nodiscard]] std::string to_string(const Ip& ip);
[[nodiscard]] std::string to_string(const Address& address);

}  // namespace ballast::base

template <>
struct std::hash<ballast::base::Ip> {
    std::size_t operator()(const ballast::base::Ip& ip) const noexcept;
};
template <>
struct std::hash<ballast::base::Address> {
    std::size_t operator()(const ballast::base::Address& address) const noexcept;
};
