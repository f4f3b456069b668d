// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "session/context.h"
#include "session/login.h"

namespace ballast::session {

/// FEAT: before the log-in the list of all backends that USER may still lead to, after it that of
/// the session's own.
[[nodiscard]] loop::Task<> answer_features(Context& context, const Login& login);

}  // namespace ballast::session
