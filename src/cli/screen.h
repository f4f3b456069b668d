// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ballast::cli {

enum class Tint : std::uint8_t { none, good, warning, bad, faint, heading };

/// What standard output can show.
struct Screen {
    std::size_t columns = 0;  ///< 0: any number, it is no terminal
    std::size_t rows = 0;     ///< likewise
    bool has_colors = false;

    [[nodiscard]] bool is_terminal() const { return columns > 0; }
    /// The text in this tint, if the screen has colours.
    [[nodiscard]] std::string tinted(std::string_view text, Tint tint) const;
};

/// As it is now: a terminal may change its size. There are no colours if NO_COLOR is set
/// (no-color.org) or TERM is "dumb".
[[nodiscard]] Screen standard_output();

}  // namespace ballast::cli
