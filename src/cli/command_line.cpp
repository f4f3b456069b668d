// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include "cli/commands.h"
#include "config/spelling.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string_view>
#include <vector>

namespace ballast::cli {

namespace {

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

constexpr const char* help_command = "help";

}  // namespace

std::unique_ptr<CLI::App> make_parser(CommandLine& into) {
    auto app = std::make_unique<CLI::App>("Ballast, the FTP load balancer", "ballast");
    app->require_subcommand(0, 1);
    app->set_help_flag("-h,--help", "print this help");
    app->get_formatter()->label("SUBCOMMAND", "COMMAND");
    app->footer(
        "`ballast help COMMAND` lists the options of a command. Exit status: 0 success,\n"
        "1 failure, 2 wrong command line, no running Ballast to give the command to, or an\n"
        "import that needs a decision, 3 sessions were cut when Ballast ended.");
    app->set_version_flag("-V,--version", "ballast " BALLAST_VERSION, "print the version");
    for (const auto& command : all_commands()) {
        auto* const added =
            app->add_subcommand(std::string(command.name), std::string(command.summary))
                ->group(std::string(command.group));
        if (command.add_options != nullptr) command.add_options(*added, into);
        added->callback([&into, &command] { into.command = &command; });
    }
    auto* const help =
        app->add_subcommand(help_command, "print this help, or the options of a command")
            ->group(std::string(all_commands().back().group));
    help->add_option("command", into.subject, "the command")->type_name("COMMAND");
    return app;
}

std::expected<CommandLine, Status> read(int argument_count, const char* const* arguments) {
    CommandLine result;
    const auto parser = make_parser(result);
    auto& app = *parser;
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
    if (app.get_subcommand(help_command)->parsed()) {
        const auto& topic = result.subject;
        if (topic.empty()) return print_help(app);
        for (const auto* const each : app.get_subcommands({}))
            if (each->get_name() == topic) return print_help(*each);
        return misused(app, unknown(app, topic));
    }
    if (result.command == nullptr) return misused(app, "a command is missing");
    if (result.command->wrong != nullptr)
        if (const auto wrong = result.command->wrong(result); !wrong.empty())
            return misused(chosen(), wrong);
    return result;
}

}  // namespace ballast::cli
