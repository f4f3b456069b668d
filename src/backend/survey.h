// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "backend/leg.h"

namespace ballast::backend {

/// Asks a backend what it can do, over a leg that was just greeted (or has logged in): FEAT, SYST,
/// the reply code of NOOP and, under TLS, whether it takes PROT P. Refused questions keep their
/// defaults.
[[nodiscard]] loop::Task<base::Result<Survey>> take_survey(Leg& leg);

/// Asks whether it answers each of several commands that come in one packet. Some servers take all
/// that one read returns for one command, and answer differently, or once: that takes two seconds.
/// Then the leg is of no more use. `noop_reply` is what one NOOP was answered with.
[[nodiscard]] loop::Task<bool> takes_several(Leg& leg, std::uint16_t noop_reply);

}  // namespace ballast::backend
