// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <string>

namespace ballast::cli {

/// Translates another balancer's configuration.
[[nodiscard]] Status import_file(const CommandLine& wanted);
[[nodiscard]] std::string wrong_import(const CommandLine& given);

/// "keepalived (a keepalived.conf), ...", for the help.
[[nodiscard]] std::string importable();
/// The names of the languages, separated by spaces.
[[nodiscard]] std::string listed_languages();

}  // namespace ballast::cli
