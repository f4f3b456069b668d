// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/address.h"

#include <cstdint>
#include <optional>

/// The routing rules of this machine, as the kernel tells them (rtnetlink(7)).
namespace ballast::net {

/// Whether packets with this mark are delivered here, whatever their destination: a rule leads them
/// to a table with a `local default` route. Empty: the kernel does not tell.
[[nodiscard]] std::optional<bool> delivers_marked(base::Family family, std::uint32_t mark);

}  // namespace ballast::net
