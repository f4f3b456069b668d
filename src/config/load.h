// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"
#include "config/problem.h"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

/// A configuration, as far as it could be read.
struct Reading {
    /// Empty if the text is not TOML. Refused values have their defaults here. So if there is an
    /// error among the problems, use it for further checks only, never for a start.
    std::optional<Config> config;
    std::vector<Problem> problems;  ///< in the order of the file
};

/// Reads a configuration and checks everything that does not need the system. Finds every problem,
/// but stops at a syntax error or a duplicate key. Does not throw.
[[nodiscard]] Reading read(std::string_view toml_text);

/// The backends of a pool's `backends_file`, which contains only [[backend]] tables, or every error
/// of that file. Missing TLS settings come from the pool. Names and addresses must differ from
/// those of the pool's own backends.
[[nodiscard]] std::expected<std::vector<Backend>, std::vector<Problem>> load_backends(
    std::string_view toml_text, const Pool& pool);

/// The configuration with every setting written out. `load` reads it as the same configuration.
[[nodiscard]] std::string written_out(const Config& config);

/// The reference manual of all keys as Markdown, from the same table as `load`.
[[nodiscard]] std::string manual();

}  // namespace ballast::config
