// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

/// The commands that list what the running daemon has.
namespace ballast::cli {

[[nodiscard]] Status show_nodes(const CommandLine& wanted);
[[nodiscard]] Status show_pools(const CommandLine& wanted);
[[nodiscard]] Status show_listeners(const CommandLine& wanted);
[[nodiscard]] Status show_backends(const CommandLine& wanted);
[[nodiscard]] Status show_sessions(const CommandLine& wanted);
[[nodiscard]] Status show_transfers(const CommandLine& wanted);
[[nodiscard]] Status show_stickiness(const CommandLine& wanted);
[[nodiscard]] Status show_probes(const CommandLine& wanted);
[[nodiscard]] Status show_bans(const CommandLine& wanted);
[[nodiscard]] Status show_limits(const CommandLine& wanted);
[[nodiscard]] Status show_certificates(const CommandLine& wanted);

}  // namespace ballast::cli
