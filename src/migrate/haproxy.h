// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"

namespace ballast::migrate {

/// Reads a haproxy.cfg. Proxies that serve FTP become listeners and pools; everything else is left
/// to HAProxy.
[[nodiscard]] Imported import_haproxy(const Source& source);

}  // namespace ballast::migrate
