// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstdint>
#include <string_view>

namespace ballast::pool {

/// FNV-1a: the same on every machine and after every restart.
class Hash {
public:
    Hash& mix(std::string_view text) {
        for (const char c : text) mix_byte(static_cast<unsigned char>(c));
        return *this;
    }
    Hash& mix(const base::Ip& ip) {
        for (const auto byte : ip.bytes()) mix_byte(byte);
        return mix(ip.is_v4() ? "4" : "6");
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    void mix_byte(std::uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }

    std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace ballast::pool
