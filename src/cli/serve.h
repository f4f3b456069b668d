// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

/// The daemon itself, and the commands that need no running one.
namespace ballast::cli {

[[nodiscard]] Status run(const CommandLine& wanted);
[[nodiscard]] Status check(const CommandLine& wanted);
[[nodiscard]] Status print_version(const CommandLine& wanted);
[[nodiscard]] Status print_manual(const CommandLine& wanted);
[[nodiscard]] Status print_schema(const CommandLine& wanted);

}  // namespace ballast::cli
