// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <string>

/// ballast(8) and ballast.toml(5), made from the parser and the table of settings. packaging/man
/// keeps what it prints.
namespace ballast::cli {

[[nodiscard]] Status print_manual_page(const CommandLine& wanted);
[[nodiscard]] std::string wrong_manual_page(const CommandLine& given);

}  // namespace ballast::cli
