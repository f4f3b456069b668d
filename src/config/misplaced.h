// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/refusal.h"

#include <optional>
#include <string_view>

namespace ballast::config {

/// Where a key belongs that `section`, "pool.NAME.backend", does not know but another section does.
/// `path` is the section in the file, "pool.alf.backend[0]". Empty if no section knows it, or
/// several fit equally well.
[[nodiscard]] std::optional<Refusal> misplaced(std::string_view section, std::string_view path,
                                               std::string_view key);

}  // namespace ballast::config
