// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"

namespace ballast::migrate {

/// Reads a proftpd.conf. The servers that mod_proxy turns into reverse proxies become listeners and
/// pools.
[[nodiscard]] Imported import_proftpd(const Source& source);

}  // namespace ballast::migrate
