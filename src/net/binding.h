// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace ballast::net {

/// Which addresses a socket may be bound to (ip(7)).
enum class Binding : std::uint8_t {
    strict,       ///< of this machine
    free,         ///< need not be of this machine yet: IP_FREEBIND
    transparent,  ///< another machine's: IP_TRANSPARENT, which needs CAP_NET_ADMIN
};

/// For the setting `free_bind`.
[[nodiscard]] constexpr Binding binding_of(bool free_bind) {
    return free_bind ? Binding::free : Binding::strict;
}

}  // namespace ballast::net
