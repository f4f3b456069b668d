// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <optional>
#include <string_view>

namespace ballast::config {

/// A key that `section`, "pool.NAME.backend", does not know and another section does: where it
/// belongs. `path` is the section as the file has it, "pool.alf.backend[0]". Empty if no section
/// knows it, or several with the same right.
[[nodiscard]] std::optional<Refusal> misplaced(std::string_view section, std::string_view path,
                                               std::string_view key);

}  // namespace ballast::config
