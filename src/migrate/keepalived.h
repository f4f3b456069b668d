// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"

namespace ballast::migrate {

/// Imports a keepalived.conf: the virtual servers that are FTP services. What concerns VRRP alone
/// is the import's remainder.
[[nodiscard]] Imported import_keepalived(const Source& source);

}  // namespace ballast::migrate
