// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::migrate {

/// A directive of any language for reports and comments, which are shown to others: "..." stands
/// for passwords, and for values that may be one.
[[nodiscard]] std::string without_secret(std::string_view directive);

}  // namespace ballast::migrate
