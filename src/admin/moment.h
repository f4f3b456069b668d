// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "admin/shape.h"

#include <optional>
#include <string_view>

namespace ballast::admin {

/// RFC 3339: "2026-11-29T14:03:00Z", with parts of a second or another offset if wanted, and a
/// space instead of the T if wanted. Or seconds since 1970. Empty: it is neither.
[[nodiscard]] std::optional<Moment> moment_from(std::string_view text);

}  // namespace ballast::admin
