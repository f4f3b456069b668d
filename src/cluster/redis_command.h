// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/wiped_string.h"

#include <string>
#include <string_view>
#include <vector>

namespace ballast::cluster {

/// The words of a command: "GET", "key". Any bytes.
using RedisCommand = std::vector<std::string>;

/// As the store reads it (RESP2: a list of strings with their lengths).
[[nodiscard]] base::WipedString encode(const RedisCommand& command);

/// Takes glob characters literally: what MATCH must be told for names that begin with `prefix`.
[[nodiscard]] std::string begins_with(std::string_view prefix);

}  // namespace ballast::cluster
