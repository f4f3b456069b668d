// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

/// The commands that list what the running daemon has.
namespace ballast::cli {

[[nodiscard]] Status show_backends(const CommandLine& wanted);

}  // namespace ballast::cli
