// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Text for a terminal. Names come from peers, and a terminal obeys what is in them: nothing of a
/// peer is printed before it has gone through `printable`.
namespace ballast::cli {

/// With control characters, bytes that are not UTF-8, and characters that hide or reorder others
/// written out: "\x1b", "\u202e".
[[nodiscard]] std::string printable(std::string_view text);

/// JSON that means the same and obeys the same rules: such characters inside its strings become
/// escapes.
[[nodiscard]] std::string printable_json(std::string_view json);

/// The columns of a terminal that a printable text takes.
[[nodiscard]] std::size_t width_of(std::string_view printable_text);

enum class Side : std::uint8_t { front, end };
/// At most `columns` wide. If something was cut off, "…" stands on that side.
[[nodiscard]] std::string shortened(std::string_view printable_text, std::size_t columns,
                                    Side cut = Side::end);

}  // namespace ballast::cli
