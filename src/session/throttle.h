// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

#include <string_view>

namespace ballast::session {

/// All the bandwidths that a transfer of this session is part of: the session's own, and those of
/// its listener, backend and user. `user` may be empty: nobody has logged in here.
[[nodiscard]] guard::Throttle throttle_of(const Context& context, std::string_view routed_pool,
                                          std::string_view user);

}  // namespace ballast::session
