// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <string>

namespace ballast::cli {

/// `ballast explain`: the story of one session, or the list of those that the options find.
[[nodiscard]] Status explain(const CommandLine& wanted);

}  // namespace ballast::cli
