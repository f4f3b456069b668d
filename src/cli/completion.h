// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <string>

/// Completion of the command line, made from its parser. packaging/completion keeps what it prints.
namespace ballast::cli {

[[nodiscard]] Status print_completion(const CommandLine& wanted);
[[nodiscard]] std::string wrong_shell(const CommandLine& given);

}  // namespace ballast::cli
