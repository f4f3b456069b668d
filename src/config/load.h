// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/config.h"

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::config {

/// One thing the operator has to change. Says where, what is wrong, and what would be right.
struct Problem {
    Where where;
    std::string what;  ///< "weight is 0"
    std::string fix;   ///< "use 1 to 256; to take the backend out, drain it"
};

/// "ballast.toml:31:10: pool.alfresco.backend[0].weight: weight is 0 (use 1 to 256; ...)".
[[nodiscard]] std::string to_string(const Problem& problem, std::string_view file);

/// Reads a configuration and checks all that needs no system. Either a whole valid configuration
/// or every problem of the text, in the order of the file (a syntax error or a duplicate key ends
/// at the first). Nothing throws.
[[nodiscard]] std::expected<Config, std::vector<Problem>> load(std::string_view toml_text);

/// The same for a pool's `backends_file`, which holds nothing but [[backend]] tables, maybe none.
/// What they do not say about TLS is the pool's, and their names and addresses are different from
/// those of the pool's own backends.
[[nodiscard]] std::expected<std::vector<Backend>, std::vector<Problem>> load_backends(
    std::string_view toml_text, const Pool& pool);

/// The configuration with every setting written out, as a file that `load` reads as the same.
[[nodiscard]] std::string written_out(const Config& config);

/// The reference manual of all keys as Markdown, from the table that `load` reads by.
[[nodiscard]] std::string manual();

}  // namespace ballast::config
