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

/// A configuration, as far as it can be read.
struct Reading {
    /// Empty if the text is no TOML. A value that was refused has its default here, so with an
    /// error among the problems this is good for further checks and never for a start.
    std::optional<Config> config;
    std::vector<Problem> problems;  ///< in the order of the file
};

/// Reads a configuration and checks all that needs no system. Every problem is found, but for a
/// syntax error or a duplicate key, which ends it at the first. Nothing throws.
[[nodiscard]] Reading read(std::string_view toml_text);

/// The backends of a pool's `backends_file`, which holds nothing but [[backend]] tables, or every
/// error of that file.
/// What they do not say about TLS is the pool's, and their names and addresses are different from
/// those of the pool's own backends.
[[nodiscard]] std::expected<std::vector<Backend>, std::vector<Problem>> load_backends(
    std::string_view toml_text, const Pool& pool);

/// The configuration with every setting written out, as a file that `load` reads as the same.
[[nodiscard]] std::string written_out(const Config& config);

/// The reference manual of all keys as Markdown, from the table that `load` reads by.
[[nodiscard]] std::string manual();

}  // namespace ballast::config
