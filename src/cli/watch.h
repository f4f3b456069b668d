// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"
#include "cli/outcome.h"
#include "cli/screen.h"

#include <functional>
#include <string>

namespace ballast::cli {

/// Prints what `look` returns: once, or with `--watch` again and again, until it fails or a signal
/// ends the program. On a terminal each look replaces the one before. Elsewhere they follow each
/// other, so that a file or a pipe has all of them.
[[nodiscard]] Outcome<void> show(const CommandLine& wanted,
                                 const std::function<Outcome<std::string>(const Screen&)>& look);

}  // namespace ballast::cli
