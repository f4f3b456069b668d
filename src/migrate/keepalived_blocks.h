// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "migrate/keepalived_lines.h"
#include "migrate/keepalived_words.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {

/// A directive of keepalived.conf, and what its block contains.
struct Directive {
    Place place;
    std::vector<Word> words = {};  ///< at least one
    bool has_block = false;
    std::vector<Directive> block = {};
    std::vector<std::string> comments = {};  ///< lines above it
    std::string comment = {};                ///< behind it

    [[nodiscard]] const std::string& name() const { return words.front().text; }
    /// The word at this position, counted from the keyword; empty if there is none.
    [[nodiscard]] std::string_view word(std::size_t index) const;
    /// As the file has it, without its block.
    [[nodiscard]] std::string said() const;
};

/// The directives outside of all blocks. Finds every unbalanced brace and quote.
[[nodiscard]] std::expected<std::vector<Directive>, std::vector<SyntaxError>> read_blocks(
    const std::vector<Line>& lines);

}  // namespace ballast::migrate
