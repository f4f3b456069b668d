// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/importer.h"

#include <expected>
#include <string>
#include <vector>

namespace ballast::migrate {

/// A line of keepalived.conf after includes, conditions, parameters and sequences.
struct Line {
    Place place;
    std::string text;     ///< without blanks at both ends; empty: the line is a comment alone
    std::string comment;  ///< without its # or !
};

/// A line that is no directive of keepalived but of its language, and what became of it.
struct LanguageEntry {
    Place place;
    std::string text;
    Outcome outcome;
    std::string why;
};

struct Lines {
    std::vector<Line> all;
    std::vector<LanguageEntry> entries;
};

/// The lines that the machine of `source` would read, in their order. Bounded, whatever the file
/// includes or repeats.
[[nodiscard]] std::expected<Lines, std::vector<SyntaxError>> read_lines(const Source& source);

}  // namespace ballast::migrate
