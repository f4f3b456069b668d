// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// Lists the nodes, or prints the rules that send data connections on to the right one.
[[nodiscard]] Status nodes(const CommandLine& wanted);

}  // namespace ballast::cli
