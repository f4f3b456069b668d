// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/report.h"

#include <string_view>

namespace ballast::migrate::proftpd {

/// What becomes of a directive that the importer does not translate itself.
struct Known {
    std::string_view name;  ///< with "*" behind: all that begin so
    Outcome outcome;
    std::string_view text;
};

/// The text of directives that the importer translates, where one had no effect.
constexpr std::string_view without_effect = "another line takes its place";

/// Null: the importer does not know such a directive.
[[nodiscard]] const Known* find_directive(std::string_view name);

}  // namespace ballast::migrate::proftpd
