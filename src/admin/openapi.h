// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/route.h"

#include <span>
#include <string>

namespace ballast::admin {

/// The OpenAPI 3.1 document of these routes.
[[nodiscard]] std::string openapi_document(std::span<const Route> routes);

}  // namespace ballast::admin
