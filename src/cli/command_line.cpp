// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include "config/spelling.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace ballast::cli {

namespace {

using Command = CommandLine::Command;

/// "ballast check", for messages.
std::string called(const CLI::App& app) {
    const auto* const parent = app.get_parent();
    return parent == nullptr ? app.get_name() : called(*parent) + ' ' + app.get_name();
}

std::vector<std::string_view> commands_of(const CLI::App& app) {
    std::vector<std::string_view> names;
    for (const auto* const each : app.get_subcommands({})) names.push_back(each->get_name());
    return names;
}

/// "--config", "-c" and so on.
std::vector<std::string> options_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* const each : app.get_options()) {
        for (const auto& name : each->get_lnames()) names.push_back("--" + name);
        for (const auto& name : each->get_snames()) names.push_back("-" + name);
    }
    return names;
}

/// What is wrong with an unknown word, and what would be right.
std::string unknown(const CLI::App& app, const std::string& word) {
    const auto said = config::in_quotes(word);
    const auto commands = commands_of(app);
    if (!word.starts_with('-')) {
        if (commands.empty())
            return app.get_option_no_throw("--config") != nullptr
                       ? fmt::format("unknown argument {} (a configuration is named with -c)", said)
                       : fmt::format("unknown argument {} (remove it)", said);
        if (const auto meant = config::nearest(word, commands))
            return fmt::format("unknown command {} (did you mean '{}'?)", said, *meant);
        return fmt::format("unknown command {} (use {})", said, config::listed(commands));
    }
    const auto name = word.substr(0, word.find('='));
    // Prefer the command that was given to the first with such an option.
    for (const bool is_given : {true, false})
        for (const auto* const each : app.get_subcommands({}))
            if (each->parsed() == is_given && each->get_option_no_throw(name) != nullptr)
                return fmt::format(
                    "{} is an option of a command (write it after the command: {} {})", said,
                    called(*each), name);
    const auto options = options_of(app);
    const std::vector<std::string_view> views(options.begin(), options.end());
    const auto meant = name.size() > 2 ? config::nearest(name, views) : std::nullopt;
    return meant ? fmt::format("unknown option {} (did you mean {}?)", said, *meant)
                 : fmt::format("unknown option {} (use {})", said, config::listed(views));
}

std::unexpected<Status> misused(const CLI::App& app, std::string_view what) {
    fmt::print(stderr, "{}: {}\n`{} --help` lists all options.\n", called(app), what, called(app));
    return std::unexpected(Status::misused);
}

std::unexpected<Status> print_help(const CLI::App& app) {
    // Not App::help(), which prints the help of the command that was read.
    const auto text = app.get_formatter()->make_help(&app, called(app), CLI::AppFormatMode::Normal);
    (void)std::fputs(text.c_str(), stdout);  // checked at the end of the program
    return std::unexpected(Status::good);
}

/// The commands for the running daemon.
template <typename Add, typename AddFile>
void add_for_daemon(const Add& add, const AddFile& add_file, CommandLine& result) {
    const auto add_here = [&](const char* name, const char* does, Command command) {
        auto* const added = add(name, does, command);
        add_file(added);
        added
            ->add_option("--socket", result.socket,
                         "the socket of the running Ballast, instead of the one that the "
                         "configuration file names")
            ->type_name("PATH");
        return added;
    };
    const auto add_state = [&](const char* name, const char* does, Command command) {
        auto* const added = add_here(name, does, command);
        added->add_option("backend", result.backend, "the backend")->type_name("POOL/BACKEND");
        added->add_flag("--all", result.all, "the whole balancer instead of one backend");
        return added;
    };
    auto* const reload =
        add_here("reload",
                 "let the running Ballast read its configuration again; with an error nothing "
                 "changes",
                 Command::reload);
    reload->add_flag("--upgrade", result.upgrade,
                     "upgrade instead, if the installed program is another than the running one");
    (void)add_here("upgrade",
                   "replace the running Ballast by the installed program; sessions go on and no "
                   "client is refused",
                   Command::upgrade);
    (void)add_here("reopen", "let it reopen its log files, for logrotate", Command::reopen);
    (void)add_here("backends", "list its backends, their states and their sessions",
                   Command::backends);
    auto* const drain =
        add_state("drain", "no new sessions; those that are there go on", Command::drain);
    drain->add_flag("--idle", result.idle, "end idle sessions with 421, busy ones when they are");
    drain->add_flag("--wait", result.wait, "return when the last session has left");
    (void)add_state("disable", "no new sessions; all that are there end", Command::disable);
    (void)add_state("ready", "undo drain or disable", Command::ready);
}

/// What is wrong with the name of a backend, if anything.
std::string wrong_backend(const CommandLine& given) {
    if (given.all && !given.backend.empty())
        return fmt::format("{} and --all exclude each other (leave one out)",
                           config::in_quotes(given.backend));
    if (given.all) return {};
    const auto example = "name it as POOL/BACKEND, or --all for the whole balancer";
    if (given.backend.empty()) return fmt::format("the backend is missing ({})", example);
    const auto slash = given.backend.find('/');
    if (slash != std::string::npos && slash > 0 && slash + 1 < given.backend.size()) return {};
    return fmt::format("{} is no backend ({})", config::in_quotes(given.backend), example);
}

}  // namespace

std::expected<CommandLine, Status> read(int argument_count, const char* const* arguments) {
    CommandLine result;
    CLI::App app("Ballast, the FTP load balancer", "ballast");
    app.require_subcommand(0, 1);
    app.set_help_flag("-h,--help", "print this help");
    app.get_formatter()->label("SUBCOMMAND", "COMMAND");
    app.footer(
        "`ballast help COMMAND` lists the options of a command. Exit status: 0 success,\n"
        "1 failure, 2 wrong command line, or no running Ballast to give the command to,\n"
        "3 sessions were cut when Ballast ended.");
    app.set_version_flag("-V,--version", "ballast " BALLAST_VERSION, "print the version");
    const auto add = [&](const char* name, const char* does, Command command) {
        auto* const added = app.add_subcommand(name, does)->group("Commands");
        added->callback([&result, command] { result.command = command; });
        return added;
    };
    const auto add_file = [&](CLI::App* command) {
        command
            ->add_option_function<std::string>(
                "-c,--config",
                [&result](const std::string& file) {
                    result.file = file;
                    result.is_file_given = true;
                },
                "the configuration file")
            ->default_str(result.file)
            ->type_name("FILE");
    };
    auto* const run = add("run", "run the load balancer until SIGTERM", Command::run);
    add_file(run);
    run->add_option("--pid-file", result.pid_file,
                    "write the process id there when ready, and again after an upgrade")
        ->type_name("PATH");
    auto* const check =
        add("check",
            "report everything that is wrong with the configuration, and what would fail at start",
            Command::check);
    add_file(check);
    check
        ->add_option("--user", result.user,
                     "check as the user that Ballast runs as: whether it may bind its ports, "
                     "read keys and passwords, and write its logs (for root)")
        ->type_name("USER");
    check->add_flag("--bind", result.bind,
                    "try to bind every address, including those that the running Ballast holds");
    check->add_flag("--strict", result.strict, "count warnings as errors");
    check->add_flag("--print", result.print,
                    "print the configuration with every setting written out");
    add_for_daemon(add, add_file, result);
    (void)add("version", "print the version", Command::version);
    (void)add("manual", "print the reference of all configuration keys as Markdown",
              Command::manual);
    (void)add("schema", "print a JSON Schema of the configuration, for editors", Command::schema);
    auto* const help = app.add_subcommand("help", "print this help, or the options of a command")
                           ->group("Commands");
    std::string topic;
    help->add_option("command", topic, "the command")->type_name("COMMAND");

    const auto chosen = [&]() -> const CLI::App& {
        const auto parsed = app.get_subcommands();
        return parsed.empty() ? app : *parsed.front();
    };
    try {
        app.parse(argument_count, arguments);
    } catch (const CLI::CallForHelp&) {
        return print_help(chosen());
    } catch (const CLI::CallForVersion& version) {
        (void)std::puts(version.what());
        return std::unexpected(Status::good);
    } catch (const CLI::ParseError& wrong) {
        // Options before a command belong to the program, those behind to the command.
        const CLI::App* const places[] = {&app, &chosen()};
        for (const auto* const each : places)
            if (const auto left = each->remaining(); !left.empty())
                return misused(*each, unknown(*each, left.front()));
        return misused(chosen(), wrong.what());
    }
    if (help->parsed()) {
        if (topic.empty()) return print_help(app);
        for (const auto* const each : app.get_subcommands({}))
            if (each->get_name() == topic) return print_help(*each);
        return misused(app, unknown(app, topic));
    }
    if (app.get_subcommands().empty()) return misused(app, "a command is missing");
    if (result.command == Command::drain || result.command == Command::disable ||
        result.command == Command::ready)
        if (const auto wrong = wrong_backend(result); !wrong.empty())
            return misused(chosen(), wrong);
    return result;
}

}  // namespace ballast::cli
