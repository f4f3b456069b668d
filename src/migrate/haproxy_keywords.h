// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/haproxy_file.h"
#include "migrate/report.h"

#include <string_view>

namespace ballast::migrate::haproxy {

/// What becomes of a directive that the importer does not translate itself.
struct Keyword {
    std::string_view words;  ///< "timeout client-fin"; with "*" behind: all that begin so
    Outcome outcome;
    std::string_view text;
};

/// Null: HAProxy knows no such directive, as far as the importer knows.
[[nodiscard]] const Keyword* find_global(const Line& line);
[[nodiscard]] const Keyword* find_of_proxy(const Line& line);
/// Of sections that are neither `global` nor proxies: all lines have one fate. Never null.
[[nodiscard]] const Keyword& of_section(std::string_view kind);

}  // namespace ballast::migrate::haproxy
