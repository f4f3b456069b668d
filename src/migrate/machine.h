// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ballast::migrate {

/// What importers may ask of the machine. Tests and fuzzers give answers of their own.
struct Machine {
    std::function<base::Result<std::string>(const std::string& path)> read_file;
    /// The files that a pattern of glob(7), with braces, stands for; sorted.
    std::function<std::vector<std::string>(const std::string& pattern)> files_like;
    /// A variable of the environment; empty if it is not set.
    std::function<std::optional<std::string>(const std::string& name)> variable;
    std::string host_name;
};

/// The one that this process runs on.
[[nodiscard]] Machine this_machine();
/// One that has no files, no variables and no name.
[[nodiscard]] Machine empty_machine();

}  // namespace ballast::migrate
