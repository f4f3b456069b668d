// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::session {

/// What a session is doing. The stack of a waiting coroutine cannot be inspected.
enum class Phase : std::uint8_t {
    securing,  ///< in a TLS handshake
    greeting,
    idle,
    choosing,
    queued,  ///< for a seat
    working,
    in_transfer,
    moving,  ///< to another backend
    sealed,  ///< passed through, so its state is unknown
    closing,
};
[[nodiscard]] std::string_view to_string(Phase phase);

}  // namespace ballast::session
