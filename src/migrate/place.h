// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::migrate {

/// A line of a file that is imported.
struct Place {
    std::string file;
    std::uint32_t line = 0;  ///< counts from 1; 0 means the whole file

    friend auto operator<=>(const Place&, const Place&) = default;
};

/// "keepalived.conf:12", or "keepalived.conf".
[[nodiscard]] std::string to_string(const Place& place);

/// Why a file cannot be imported at all.
struct SyntaxError {
    Place place;
    std::string what;  ///< "the block is not closed"
    std::string fix;   ///< "add }"
};

/// "keepalived.conf:12: the block is not closed (add })"
[[nodiscard]] std::string to_string(const SyntaxError& error);

/// "keepalived.conf:12: weight 3": for a comment that says where a setting came from. The file has
/// no folder, and the directive no secret.
[[nodiscard]] std::string origin(const Place& place, std::string_view directive);

/// A piece of a file for messages and comments: one line of valid UTF-8 without control characters.
/// It is cut after `bytes_max` bytes.
[[nodiscard]] std::string shown(std::string_view text, std::size_t bytes_max = 200);

/// The words of a directive, separated by spaces.
[[nodiscard]] std::string joined(const std::vector<std::string>& words);

}  // namespace ballast::migrate
