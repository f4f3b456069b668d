// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// A live screen of the transfers, until `q` or a signal.
[[nodiscard]] Status top(const CommandLine& wanted);

}  // namespace ballast::cli
