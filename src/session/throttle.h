// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"

#include <string_view>

namespace ballast::session {

/// All bandwidth limits for a transfer of this session: the session's own, and those of its
/// listener, backend and user. `user` is empty if there was no login here.
[[nodiscard]] guard::Throttle throttle_of(const Context& context, std::string_view routed_pool,
                                          std::string_view user);

}  // namespace ballast::session
