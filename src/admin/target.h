// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The path of a request, such as /v1/backends/files/f1/state. Names may hold any byte: what a
/// segment cannot hold is percent-encoded (RFC 3986 2.1). No segment has a meaning of its own, not
/// even "..": nothing here is a file.
namespace ballast::admin {

/// In place of a node's name in a query: all nodes.
inline constexpr std::string_view all_nodes = "*";

/// The decoded segments. Empty if the path does not begin with "/" or an escape is wrong.
[[nodiscard]] std::optional<std::vector<std::string>> segments_of(std::string_view target);
/// The decoded keys and values behind "?". Empty if an escape is wrong.
[[nodiscard]] std::optional<std::map<std::string, std::string, std::less<>>> query_of(
    std::string_view target);

/// The path of the target with this query.
[[nodiscard]] std::string target_with(std::string_view target,
                                      const std::map<std::string, std::string, std::less<>>& query);

/// A name as one segment.
[[nodiscard]] std::string percent_encoded(std::string_view name);

}  // namespace ballast::admin
