// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/draft.h"
#include "migrate/lvs.h"

#include <cstdint>

namespace ballast::migrate {

/// The probe of a pool, out of the checks of its servers. A pool has one probe, so that of the
/// first server counts; what the others have is reported. Servers without a port of their own have
/// `port`.
void draft_probe(const LvsService& service, std::uint16_t port, DraftPool& pool, Teller& teller);

}  // namespace ballast::migrate
