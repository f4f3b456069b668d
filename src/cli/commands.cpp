// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"

#include "base/number.h"
#include "cli/acts.h"
#include "cli/completion.h"
#include "cli/events.h"
#include "cli/explain.h"
#include "cli/health.h"
#include "cli/import.h"
#include "cli/manual_page.h"
#include "cli/moment.h"
#include "cli/nodes.h"
#include "cli/options.h"
#include "cli/overview.h"
#include "cli/serve.h"
#include "cli/top.h"
#include "cli/views.h"
#include "config/spelling.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <fmt/format.h>

namespace ballast::cli {

namespace {

using std::string_view;

constexpr string_view daemon_group = "The daemon";
constexpr string_view look_group = "What the running Ballast does";
constexpr string_view act_group = "Changing the running Ballast";
constexpr string_view import_group = "Coming from other balancers";
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
    auto* const print = command.add_flag("--print", into.print,
                                         "print the configuration with every setting written out");
    command
        .add_flag("--rules", into.rules,
                  "print the commands that prepare this machine for source = \"client\"")
        ->excludes(print);
}

void add_manual(CLI::App& command, CommandLine& into) {
    command.add_flag("--metrics", into.metrics, "print the table of all metrics instead");
}

void add_reload(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    command.add_flag("--upgrade", into.upgrade,
                     "upgrade instead, if the installed program differs from the running one");
}

void add_drain(CLI::App& command, CommandLine& into) {
    add_backend(command, into);
    command.add_flag("--idle", into.idle, "also end sessions with 421 as soon as they are idle");
    command.add_flag("--move", into.move,
                     "move sessions and their downloads to other backends, if the pool's failover "
                     "can");
    command.add_flag("--wait", into.wait, "return when the last session has left");
}

std::string wrong_drain(const CommandLine& given) {
    if (given.move && given.idle)
        return "--move and --idle cannot be combined: one moves sessions, the other ends them "
               "(leave one out)";
    if (given.move && given.all)
        return "--move is for one backend: from the whole balancer there is nowhere to move "
               "(write POOL/BACKEND, or leave --move out)";
    return wrong_backend(given);
}

void add_health(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    add_patience(command, into);
    command.add_flag("--until-empty", into.until_empty,
                     "also succeed if it is drained, until its last session has left");
}

/// What can be found by its session.
void add_session_filters(CLI::App& command, CommandLine& into) {
    add_filter(command, into, "user", "only of these users");
    add_filter(command, into, "client", "only of these addresses, such as '192.0.2.1:*'");
    add_filter(command, into, "listener", "only of these listeners");
    add_filter(command, into, "pool", "only of these pools");
    add_filter(command, into, "backend", "only of these backends");
}

void add_sessions(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    command.add_flag("--names", into.names, "print ids alone, for scripts");
    add_session_filters(command, into);
    add_filter(command, into, "phase", "only in this phase");
    add_limit(command, into);
}

void add_transfers(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    add_session_filters(command, into);
    add_filter(command, into, "file", "only of these files, such as '*.iso'");
    add_filter(command, into, "direction", "only `download` or only `upload`");
    add_limit(command, into);
}

void add_top(CLI::App& command, CommandLine& into) {
    add_daemon(command, into);
    command.add_flag("--json", into.json,
                     "print what the screen shows once, as JSON; needs no terminal");
    add_interval(command, into);
    add_watch(command, into);
    add_session_filters(command, into);
}

void add_weight(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_subject(command, into, "backend", "POOL/BACKEND", "the backend");
    command
        .add_option("weight", into.value,
                    "the new weight: 0 to 256 (0: no new sessions), or `configured` for the one in "
                    "the configuration")
        ->type_name("WEIGHT");
}

std::string wrong_weight(const CommandLine& given) {
    if (auto wrong = wrong_backend(given); !wrong.empty()) return wrong;
    if (given.value == configured_weight) return {};
    constexpr std::uint32_t weight_max = 256;
    const auto weight = base::parse_number<std::uint32_t>(given.value);
    if (weight && *weight <= weight_max) return {};
    return given.value.empty() ? "the weight is missing (write 0 to 256, or configured)"
                               : fmt::format("{} is not a weight (write 0 to 256, or configured)",
                                             config::in_quotes(given.value));
}

void add_kill(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_subject(command, into, "session", "SESSION", "its id, as `ballast sessions` shows it");
    command.add_flag("--transfer", into.transfer,
                     "end only its transfer, with 426; the session goes on");
}

std::string wrong_session(const CommandLine& given) {
    return given.subject.empty() ? "the session is missing (`ballast sessions` lists them)" : "";
}

void add_unban(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_subject(command, into, "address", "ADDRESS", "the address, as `ballast bans` shows it");
    command
        .add_option_function<std::string>(
            "--user", [&into](const std::string& name) { into.filters.emplace_back("user", name); },
            "only the bans of this user there")
        ->type_name("USER");
}

std::string wrong_address(const CommandLine& given) {
    return given.subject.empty() ? "the address is missing (`ballast bans` lists them)" : "";
}

std::string wrong_pool(const CommandLine& given) {
    return given.subject.empty() ? "the pool is missing (`ballast pools` lists them)" : "";
}

void add_stickiness(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    command.add_flag("--names", into.names, "print networks or users alone, for scripts");
    add_subject(command, into, "pool", "POOL", "the pool");
    add_filter(command, into, "client", "only of these networks, or of this address");
    add_filter(command, into, "user", "only of these users");
    add_filter(command, into, "backend", "only of these backends");
    add_limit(command, into);
}

void add_forget(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_subject(command, into, "pool", "POOL", "the pool");
    add_filter(command, into, "client",
               "the network of this address, if the pool sticks by network", "ADDRESS");
    add_filter(command, into, "user", "this user, if the pool sticks by user", "NAME");
    command.add_flag("--all", into.all, "all clients of the pool");
}

std::string wrong_forget(const CommandLine& given) {
    if (auto wrong = wrong_pool(given); !wrong.empty()) return wrong;
    if (given.filters.size() + (given.all ? 1 : 0) == 1) return {};
    return "say whom to forget (with one of --client, --user and --all)";
}

void add_probes(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    add_filter(command, into, "pool", "only of these pools");
    add_filter(command, into, "backend", "only of these backends");
    add_filter(command, into, "passed", "only those that passed (`true`) or failed (`false`)");
}

/// A time as people say it, for the daemon as seconds since 1970.
void add_time(CLI::App& command, CommandLine& into, const std::string& name,
              const std::string& help) {
    command
        .add_option_function<std::string>(
            "--" + name,
            [&into, name](const std::string& said) {
                const auto meant = moment_meant(said, now());
                const auto seconds =
                    meant ? std::chrono::floor<std::chrono::seconds>(meant->time_since_epoch())
                                .count()
                          : 0;
                into.filters.emplace_back(name, meant ? fmt::to_string(seconds) : said);
            },
            help)
        ->type_name("TIME");
}

void add_events(CLI::App& command, CommandLine& into) {
    add_daemon(command, into);
    command.add_flag("--json", into.json, "print each event as a line of JSON");
    command.add_flag("--recent", into.recent,
                     "print the kept events of the rare kinds, instead of waiting for new ones");
    add_filter(command, into, "kind", "only these kinds, separated by commas", "KINDS");
    for (const char* const name : {"pool", "backend", "listener", "user", "client"})
        add_filter(command, into, name, fmt::format("only events that name this {}", name), "NAME");
}

void add_explain(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    add_subject(
        command, into, "session", "SESSION",
        "its id, as `ballast sessions` and the log show it; without it, list those that the "
        "options find");
    add_filter(command, into, "user", "sessions of this user", "NAME");
    add_filter(command, into, "client", "sessions from this address", "NAME");
    add_filter(command, into, "listener", "sessions at this listener", "NAME");
    add_filter(command, into, "backend", "sessions that used or tried this backend", "NAME");
    add_filter(command, into, "file",
               "sessions with a transfer of this file: a path, or its last parts");
    command.add_flag_callback(
        "--failed", [&into] { into.filters.emplace_back("failed", "true"); },
        "sessions with a transfer that failed or was aborted");
    add_time(command, into, "from",
             "not before this time: 14:03, 15m (ago), 2026-11-29 14:03, ...");
    add_time(command, into, "to", "not after this time");
    add_limit(command, into);
}

std::string wrong_explain(const CommandLine& given) {
    const bool is_clear = given.subject.empty() || given.filters.empty();
    return is_clear ? "" : "a session and a search cannot be combined (leave one out)";
}

void add_nodes(CLI::App& command, CommandLine& into) {
    add_view(command, into);
    command
        .add_flag("--rules", into.rules,
                  "print the commands that let data connections which the network brings to "
                  "this machine go on to the node that they belong to")
        ->excludes("--json")
        ->excludes("--watch");
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
    add_subject(command, into, "shell", "SHELL", "the shell: bash, zsh or fish");
}
void add_page(CLI::App& command, CommandLine& into) {
    add_subject(command, into, "page", "PAGE", "the page: ballast.8 or ballast.toml.5");
}

void add_import(CLI::App& command, CommandLine& into) {
    command.add_option("language", into.language, "what the file is: " + importable())
        ->type_name("LANGUAGE");
    add_subject(command, into, "file", "FILE", "the file; `-` is standard input");
    command.add_option("--report", into.report, "the form of the report: text, or json")
        ->type_name("FORM");
    command
        .add_option("--vrrp-out", into.remainder_out,
                    "write the keepalived.conf that remains there: VRRP alone, with a script that "
                    "asks `ballast health`")
        ->type_name("PATH");
    command
        .add_option("--id", into.id,
                    "the config-id for lines that begin with `@`, instead of the host's name")
        ->type_name("ID");
    command
        .add_option("--certificate", into.certificate,
                    "a PEM file with certificate and key, with which Ballast shall serve FTPS; "
                    "without it TLS passes through to the servers where it did before")
        ->type_name("PATH");
}

const Command commands[] = {
    {"run", daemon_group, "run the load balancer until SIGTERM", "", add_run, run},
    {"check", daemon_group,
     "report everything that is wrong with the configuration, and what would fail at start",
     "It starts nothing. A running Ballast of this file may hold its addresses.", add_check, check},
    {"status", look_group, "show on one screen whether all is well", "", add_view, show_overview},
    {"health", look_group, "tell by the exit status whether it can serve, for keepalived",
     "The status is 0 if Ballast takes new clients and at least one pool has a backend for them, 1 "
     "if not, and 2 if it does not reply in time.",
     add_health, health},
    {"nodes", look_group, "list the balancers that share a store with it, and their sessions",
     "Other commands ask another node with `--node NODE`, and lists are of all nodes with `--node "
     "all`.",
     add_nodes, nodes},
    {"listeners", look_group, "list its listeners and their sessions", "", add_view,
     show_listeners},
    {"pools", look_group, "list its pools: how many backends serve, and how busy they are", "",
     add_view, show_pools},
    {"backends", look_group, "list its backends, their states and their sessions", "", add_backends,
     show_backends},
    {"sessions", look_group, "list its sessions and what they are doing",
     "In patterns `*` stands for any text and `?` for any character.", add_sessions, show_sessions},
    {"transfers", look_group, "list the running transfers",
     "In patterns `*` stands for any text and `?` for any character.", add_transfers,
     show_transfers},
    {"top", look_group, "watch the transfers on a live screen",
     "`q` ends it, `s` sorts by rate, time left, age or user, and the space bar pauses it.",
     add_top, top},
    {"events", look_group, "follow what happens to backends, sessions, transfers and limits", "",
     add_events, show_events},
    {"explain", look_group,
     "tell the story of a session, also after its end, or find the session to explain",
     "`ballast explain --user alice --from 14:00 --failed` lists the sessions to choose from, "
     "and `ballast explain SESSION` tells what happened in one of them.",
     add_explain, explain, wrong_explain},
    {"probes", look_group, "list the latest probes of the backends and why they failed", "",
     add_probes, show_probes},
    {"limits", look_group, "list the limits and how near they are", "", add_view, show_limits},
    {"certificates", look_group, "list the certificates and when they expire", "", add_view,
     show_certificates},
    {"stickiness", look_group, "list the clients or users that return to a backend of a pool",
     "In patterns `*` stands for any text and `?` for any character.", add_stickiness,
     show_stickiness, wrong_pool},
    {"bans", look_group, "list who is banned for failed logins", "", add_view, show_bans},
    {"drain", act_group, "send no new sessions there; existing ones continue", "", add_drain, drain,
     wrong_drain},
    {"disable", act_group, "send no new sessions there, and end the existing ones", "", add_backend,
     disable, wrong_backend},
    {"ready", act_group, "undo drain or disable", "", add_backend, make_ready, wrong_backend},
    {"weight", act_group, "change the weight of a backend until Ballast restarts", "", add_weight,
     set_weight, wrong_weight},
    {"kill", act_group, "end a session at once: its client gets 421, and a transfer breaks", "",
     add_kill, kill_session, wrong_session},
    {"unban", act_group, "lift the bans of an address, and forget its failed logins", "", add_unban,
     unban, wrong_address},
    {"forget", act_group, "forget which backend a client returns to; its sessions continue", "",
     add_forget, forget, wrong_forget},
    {"reload", act_group, "reload the configuration; if it has an error, nothing changes", "",
     add_reload, reload},
    {"upgrade", act_group,
     "replace the running Ballast with the installed program; sessions continue and no client "
     "is refused",
     "", add_daemon_and_json, upgrade},
    {"reopen", act_group, "reopen the log files, for logrotate", "", add_daemon_and_json, reopen},
    {"import", import_group, "write a configuration that takes the place of another balancer's",
     "The configuration goes to standard output, and a report of every directive to standard "
     "error. The status is 0 if Ballast can do everything, 2 if the report has something that is "
     "not supported, and 1 if the file cannot be read or has a syntax error.",
     add_import, import_file, wrong_import},
    {"version", other_group, "print the version", "", nullptr, print_version},
    {"manual", other_group, "print the reference of all configuration keys as Markdown", "",
     add_manual, print_manual},
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
