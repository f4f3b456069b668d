// SPDX-License-Identifier: Apache-2.0
#include "base/subnet.h"

#include "base/number.h"

#include <algorithm>

namespace ballast::base {

namespace {

/// Bits of `byte_index` that lie inside a prefix of `bits`.
std::uint8_t mask_of(int bits, int byte_index) {
    const int inside = bits - byte_index * 8;
    if (inside >= 8) return 0xff;
    if (inside <= 0) return 0;
    return static_cast<std::uint8_t>(0xff << (8 - inside));
}

}  // namespace

std::optional<Subnet> Subnet::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    const auto ip = Ip::parse(address);
    // A scope belongs to one link of this machine, not to a block of addresses.
    if (!ip || address.contains('%')) return std::nullopt;

    // ::ffff:10.0.0.0/104 was read as 10.0.0.0, so its prefix has to lose the mapping's 96 bits
    // too.
    const unsigned mapping_bits = ip->is_v4() && address.contains(':') ? 96 : 0;
    const unsigned longest = ip->is_v4() ? 32 : 128;
    unsigned prefix_bits = longest + mapping_bits;
    if (slash != std::string_view::npos) {
        const auto parsed = parse_number<unsigned>(text.substr(slash + 1));
        if (!parsed) return std::nullopt;
        prefix_bits = *parsed;
        if (prefix_bits < mapping_bits || prefix_bits > longest + mapping_bits) return std::nullopt;
    }

    Subnet subnet;
    subnet.first_ = *ip;
    subnet.prefix_bits_ = static_cast<int>(prefix_bits - mapping_bits);
    for (int i = 0; i < static_cast<int>(longest / 8); ++i) {
        const auto byte = ip->bytes()[static_cast<std::size_t>(i)];
        if ((byte & mask_of(subnet.prefix_bits_, i)) != byte) return std::nullopt;
    }
    return subnet;
}

Subnet Subnet::around(const Ip& ip, int prefix_bits) {
    Subnet subnet;
    subnet.prefix_bits_ = std::clamp(prefix_bits, 0, ip.is_v4() ? 32 : 128);
    auto bytes = ip.bytes();
    for (int i = 0; i < 16; ++i)
        bytes.at(static_cast<std::size_t>(i)) &= mask_of(subnet.prefix_bits_, i);
    subnet.first_ =
        ip.is_v4() ? Ip::from_v4({bytes[0], bytes[1], bytes[2], bytes[3]}) : Ip::from_v6(bytes);
    return subnet;
}

bool Subnet::contains(const Ip& ip) const {
    if (ip.family() != first_.family()) return false;
    for (int i = 0; i * 8 < prefix_bits_; ++i) {
        const auto index = static_cast<std::size_t>(i);
        if ((ip.bytes()[index] & mask_of(prefix_bits_, i)) != first_.bytes()[index]) return false;
    }
    return true;
}

std::string to_string(const Subnet& subnet) {
    return to_string(subnet.first()) + '/' + std::to_string(subnet.prefix_bits());
}

}  // namespace ballast::base
