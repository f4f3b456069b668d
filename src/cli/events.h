// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// `ballast events`: what happens, a line for each event, until a signal; with `--recent` what has
/// happened.
[[nodiscard]] Status show_events(const CommandLine& wanted);

}  // namespace ballast::cli
