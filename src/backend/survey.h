// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"

namespace ballast::backend {

/// Asks a backend, over a leg that has just been greeted (or has logged in), what it can do: FEAT,
/// SYST, the code it answers NOOP with and, under TLS, whether it takes PROT P. Questions it
/// refuses are left at their defaults.
[[nodiscard]] loop::Task<base::Result<Survey>> take_survey(Leg& leg);

}  // namespace ballast::backend
