// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// `ballast status`: whether all is well, on one screen.
[[nodiscard]] Status show_overview(const CommandLine& wanted);

}  // namespace ballast::cli
