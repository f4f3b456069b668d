// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

/// The commands that change something in the running daemon. Each prints what has come of it.
namespace ballast::cli {

[[nodiscard]] Status reload(const CommandLine& wanted);
[[nodiscard]] Status upgrade(const CommandLine& wanted);
[[nodiscard]] Status reopen(const CommandLine& wanted);
[[nodiscard]] Status drain(const CommandLine& wanted);
[[nodiscard]] Status disable(const CommandLine& wanted);
[[nodiscard]] Status make_ready(const CommandLine& wanted);
[[nodiscard]] Status set_weight(const CommandLine& wanted);
[[nodiscard]] Status kill_session(const CommandLine& wanted);
[[nodiscard]] Status forget(const CommandLine& wanted);
[[nodiscard]] Status unban(const CommandLine& wanted);

}  // namespace ballast::cli
