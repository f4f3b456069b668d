// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <span>
#include <string>
#include <string_view>

namespace ballast::cli {

/// A command of the program. The table of commands is the only place that names them all: parser,
/// help, completion and manual page are made from it.
struct Command {
    std::string_view name;
    std::string_view group;    ///< its heading in the help
    std::string_view summary;  ///< a line
    std::string_view details;  ///< further sentences, for the manual page; may be empty
    void (*add_options)(CLI::App& command, CommandLine& into);  ///< null: none
    Status (*run)(const CommandLine& wanted);
    /// What is wrong with a command line that the parser takes; empty: nothing. Null: never.
    std::string (*wrong)(const CommandLine& given) = nullptr;
};

/// In the order of the help.
[[nodiscard]] std::span<const Command> all_commands();

}  // namespace ballast::cli
