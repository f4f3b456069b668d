// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The library's names.
namespace boost::json {
class array;   // NOLINT
class object;  // NOLINT
class value;   // NOLINT
}  // namespace boost::json

/// What the daemon has replied. A member that is missing, or is of another type, is empty: the
/// daemon may be older or newer than this program.
namespace ballast::cli {

namespace json = boost::json;

[[nodiscard]] std::string text_at(const json::object& object, std::string_view key);
[[nodiscard]] std::uint64_t number_at(const json::object& object, std::string_view key);
/// Empty: missing or null.
[[nodiscard]] std::optional<double> amount_at(const json::object& object, std::string_view key);
[[nodiscard]] bool flag_at(const json::object& object, std::string_view key);
[[nodiscard]] const json::array& list_at(const json::object& object, std::string_view key);
[[nodiscard]] const json::object& object_at(const json::object& object, std::string_view key);
/// The value as an object; an empty one if it is something else.
[[nodiscard]] const json::object& as_object(const json::value& value);

}  // namespace ballast::cli
