// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::session {

/// What a session is doing: a waiting coroutine has no stack to look at.
enum class Phase : std::uint8_t {
    securing,  ///< in a TLS handshake
    greeting,
    idle,
    choosing,
    queued,  ///< for a seat
    working,
    in_transfer,
    sealed,  ///< passed through: nobody here can tell
    closing,
};
[[nodiscard]] std::string_view to_string(Phase phase);

}  // namespace ballast::session
