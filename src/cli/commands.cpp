// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include "cli/acts.h"
#include "cli/completion.h"
#include "cli/manual_page.h"
#include "cli/options.h"
#include "cli/serve.h"
#include "cli/views.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ballast::cli {

namespace {

using std::string_view;

constexpr string_view daemon_group = "The daemon";
constexpr string_view look_group = "What the running Ballast does";
constexpr string_view act_group = "Changing the running Ballast";
constexpr string_view other_group = "Other";

void add_run(CLI::App& command, CommandLine& into) {
    add_file(command, into);
    command
        .add_option("--pid-file", into.pid_file,
                    "write the process id there when ready, and again after an upgrade")
        ->type_name("PATH");
}

void add_check(CLI::App& command, CommandLine& into) {
    add_file(command, into);
    command
        .add_option("--user", into.user,
                    "check as the user that Ballast runs as: whether it may bind its ports, read "
                    "keys and passwords, and write its logs (for root)")
        ->type_name("USER");
    command.add_flag("--bind", into.bind,
                     "try to bind every address, including those that the running Ballast holds");
    command.add_flag("--strict", into.strict, "count warnings as errors");
    command.add_flag("--print", into.print,
                     "print the configuration with every setting written out");
}

void add_reload(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    command.add_flag("--upgrade", into.upgrade,
                     "upgrade instead, if the installed program is another than the running one");
}

void add_drain(CLI::App& command, CommandLine& into) {
    add_backend(command, into);
    command.add_flag("--idle", into.idle, "end idle sessions with 421, busy ones when they are");
    command.add_flag("--wait", into.wait, "return when the last session has left");
}

void add_backends(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    command.add_flag("--names", into.names, "print names alone, for scripts");
    add_filter(command, into, "pool", "only of these pools");
    add_filter(command, into, "backend", "only these backends");
    add_filter(command, into, "state", "only in this state, such as drain");
    add_filter(command, into, "health", "only with this health, such as down");
}

void add_shell(CLI::App& command, CommandLine& into) {
    add_subject(command, into, "shell", "SHELL", "bash, zsh or fish");
}
void add_page(CLI::App& command, CommandLine& into) {
    add_subject(command, into, "page", "PAGE", "ballast.8 or ballast.toml.5");
}

const Command commands[] = {
    {"run", daemon_group, "run the load balancer until SIGTERM", "", add_run, run},
    {"check", daemon_group,
     "report everything that is wrong with the configuration, and what would fail at start",
     "It starts nothing. A running Ballast of this file may hold its addresses.", add_check, check},
    {"backends", look_group, "list its backends, their states and their sessions", "", add_backends,
     show_backends},
    {"drain", act_group, "no new sessions; those that are there go on", "", add_drain, drain,
     wrong_backend},
    {"disable", act_group, "no new sessions; all that are there end", "", add_backend, disable,
     wrong_backend},
    {"ready", act_group, "undo drain or disable", "", add_backend, make_ready, wrong_backend},
    {"reload", act_group,
     "let the running Ballast read its configuration again; with an error nothing changes", "",
     add_reload, reload},
    {"upgrade", act_group,
     "replace the running Ballast by the installed program; sessions go on and no client is "
     "refused",
     "", add_daemon_and_json, upgrade},
    {"reopen", act_group, "let it reopen its log files, for logrotate", "", add_daemon_and_json,
     reopen},
    {"version", other_group, "print the version", "", nullptr, print_version},
    {"manual", other_group, "print the reference of all configuration keys as Markdown", "",
     nullptr, print_manual},
    {"schema", other_group, "print a JSON Schema of the configuration, for editors", "", nullptr,
     print_schema},
    {"completion", other_group, "print the completion of this command line for a shell", "",
     add_shell, print_completion, wrong_shell},
    {"man", other_group, "print a manual page, for man -l", "", add_page, print_manual_page,
     wrong_manual_page},
};

}  // namespace

std::span<const Command> all_commands() { return commands; }

}  // namespace ballast::cli
