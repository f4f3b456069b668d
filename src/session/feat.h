// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/failover.h"
#include "session/login.h"

namespace ballast::session {

/// FEAT. Before login: the list of all backends that USER may still lead to. After login: the list
/// of the session's own backend.
[[nodiscard]] loop::Task<> answer_features(Context& context, const Login& login, Failover& failover,
                                           ftp::Command command);

}  // namespace ballast::session
