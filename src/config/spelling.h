// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

/// Words for problems: what the file says, what it could say, and what was probably meant.
namespace ballast::config {

/// The known word with the fewest letters changed, added, removed or swapped with a neighbour.
/// Empty if none is near enough. If two are equally near, the first.
[[nodiscard]] std::optional<std::string_view> nearest(std::string_view word,
                                                      std::span<const std::string_view> known);

/// "'text'" for a terminal: control characters are escaped and a long text is cut.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// "a, b or c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

/// "a boolean", "an integer"
[[nodiscard]] std::string with_article(std::string_view noun);

}  // namespace ballast::config
