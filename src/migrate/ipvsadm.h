// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"

namespace ballast::migrate {

/// Imports what `ipvsadm -Sn` prints: commands that add virtual servers and their real servers.
[[nodiscard]] Imported import_ipvsadm(const Source& source);

}  // namespace ballast::migrate
