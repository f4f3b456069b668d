// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/places.h"
#include "config/problem.h"

#include <expected>
#include <string>
#include <string_view>

// From toml++, which only .cpp files include.
namespace toml {
inline namespace v3 {
// NOLINTBEGIN(readability-identifier-naming)
class node;
class table;
struct source_region;
// NOLINTEND(readability-identifier-naming)
}  // namespace v3
}  // namespace toml

/// The TOML of a file, before it is interpreted.
namespace ballast::config {

/// Empty after a syntax error or a duplicate key, where the parser stops.
[[nodiscard]] std::expected<toml::table, Problem> parse_toml(std::string_view text);

/// "a string", "an integer"
[[nodiscard]] std::string_view type_name(const toml::node& node);

/// "pool.alf" and "balance": "pool.alf.balance". Quotes everything but plain words.
[[nodiscard]] std::string joined(std::string_view path, std::string_view key);

[[nodiscard]] Where place_of(std::string key, const toml::source_region& source);

[[nodiscard]] bool is_control_character(char c);

}  // namespace ballast::config
