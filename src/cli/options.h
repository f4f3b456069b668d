// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command_line.h"

#include <string>

/// The options that several commands have in common.
namespace ballast::cli {

void add_file(CLI::App& command, CommandLine& into);
/// `-c` and `--socket`: which daemon.
void add_daemon(CLI::App& command, CommandLine& into);
/// Which daemon, `--node` and `--json`.
void add_daemon_and_json(CLI::App& command, CommandLine& into);
/// `--watch`
void add_watch(CLI::App& command, CommandLine& into);
/// The same, and `--watch`.
void add_view(CLI::App& command, CommandLine& into);
/// `--interval`, of a live screen.
void add_interval(CLI::App& command, CommandLine& into);
/// `--timeout`
void add_patience(CLI::App& command, CommandLine& into);
/// `--NAME PATTERN`: only entries whose field matches.
void add_filter(CLI::App& command, CommandLine& into, const std::string& name,
                const std::string& help, const std::string& type = "PATTERN");
void add_limit(CLI::App& command, CommandLine& into);
/// What the command is about: an argument called `name`.
void add_subject(CLI::App& command, CommandLine& into, const std::string& name,
                 const std::string& type, const std::string& help);
/// POOL/BACKEND, or `--all`.
void add_backend(CLI::App& command, CommandLine& into);
[[nodiscard]] std::string wrong_backend(const CommandLine& given);

}  // namespace ballast::cli
