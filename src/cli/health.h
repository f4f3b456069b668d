// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

namespace ballast::cli {

/// Whether clients can be served, for keepalived and scripts: good only if the daemon takes new
/// clients and at least one pool can serve. Never waits long.
[[nodiscard]] Status health(const CommandLine& wanted);

}  // namespace ballast::cli
