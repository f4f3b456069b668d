// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// Carries out a command for the running daemon (reload to ready), and prints what
/// came of it.
[[nodiscard]] Status operate(const CommandLine& wanted);

}  // namespace ballast::cli
