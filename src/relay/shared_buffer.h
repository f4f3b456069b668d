// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>

namespace ballast::relay {

inline constexpr std::size_t copied_bytes_max = 256 << 10;

/// One per worker, for bytes of a single turn.
inline std::array<char, copied_bytes_max>& shared_buffer() {
    thread_local std::array<char, copied_bytes_max> buffer;
    return buffer;
}

}  // namespace ballast::relay
