// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"

namespace ballast::backend {

/// Asks a backend what it can do, over a leg that was just greeted (or has logged in): FEAT, SYST,
/// the reply code of NOOP and, under TLS, whether it takes PROT P. Refused questions keep their
/// defaults.
[[nodiscard]] loop::Task<base::Result<Survey>> take_survey(Leg& leg);

}  // namespace ballast::backend
