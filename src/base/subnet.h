// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

namespace ballast::base {

/// A block of addresses, "10.0.0.0/8". An address without a prefix is the block of that address
/// only.
class Subnet {
public:
    /// Empty if the text is not an address, the prefix is too long, or bits are set behind the
    /// prefix.
    static std::optional<Subnet> parse(std::string_view text);

    /// The block with a prefix of this many bits that contains `ip`. Too many bits mean all of
    /// them.
    static Subnet around(const Ip& ip, int prefix_bits);

    [[nodiscard]] bool contains(const Ip& ip) const;
    [[nodiscard]] int prefix_bits() const { return prefix_bits_; }
    [[nodiscard]] const Ip& first() const { return first_; }

    friend bool operator==(const Subnet&, const Subnet&) = default;

private:
    Ip first_;
    int prefix_bits_ = 32;
};

[[nodiscard]] std::string to_string(const Subnet& subnet);

}  // namespace ballast::base
