// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/places.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

enum class Severity : std::uint8_t {
    error,    ///< prevents a start
    warning,  ///< probably a mistake: a start logs it and goes on
};

/// One thing that the operator should change: where, what is wrong, and what would be right.
struct Problem {
    Where where;
    std::string what;  ///< "weight is 0"
    std::string fix;   ///< "use 1 to 256; to take the backend out, drain it"
    Severity severity = Severity::error;
};

/// "ballast.toml:31:10: pool.alfresco.backend[0].weight: weight is 0 (use 1 to 256; ...)". A
/// warning has "warning: " before the key, like a compiler's.
[[nodiscard]] std::string to_string(const Problem& problem, std::string_view file);

/// Sorts problems in the order of the file and removes duplicates.
void sort_by_place(std::vector<Problem>& problems);

[[nodiscard]] bool has_errors(const std::vector<Problem>& problems);
[[nodiscard]] std::size_t count_warnings(const std::vector<Problem>& problems);

}  // namespace ballast::config
