// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <random>
#include <string>

namespace ballast::relay {

/// Bytes without a pattern, the same each time.
inline std::string noise(std::size_t bytes) {
    std::mt19937_64 random(bytes);
    std::string made(bytes, '\0');
    for (char& byte : made) byte = static_cast<char>(random());
    return made;
}

}  // namespace ballast::relay
