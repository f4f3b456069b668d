// SPDX-License-Identifier: Apache-2.0
#include "cli/command_words.h"

#include "cli/command_line.h"
#include "cli/commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>

namespace ballast::cli {

namespace {

CommandWords words_of(const CLI::App& command) {
    CommandWords words{.name = command.get_name(),
                       .group = command.get_group(),
                       .summary = command.get_description(),
                       .details = {},
                       .options = {},
                       .arguments = {}};
    for (const auto* const option : command.get_options()) {
        const auto type = option->get_items_expected_max() > 0 ? option->get_type_name() : "";
        if (option->get_positional()) {
            words.arguments.push_back({type, option->get_description()});
            continue;
        }
        CommandWords::Option known{.names = {},
                                   .value = type,
                                   .is_value_optional = option->get_items_expected_min() == 0,
                                   .help = option->get_description()};
        for (const auto& name : option->get_snames()) known.names.push_back("-" + name);
        for (const auto& name : option->get_lnames()) known.names.push_back("--" + name);
        words.options.push_back(std::move(known));
    }
    const auto& all = all_commands();
    const auto row = std::ranges::find(all, words.name, &Command::name);
    if (row != all.end()) words.details = row->details;
    return words;
}

}  // namespace

std::vector<CommandWords> command_words() {
    CommandLine unused;
    const auto parser = make_parser(unused);
    std::vector<CommandWords> all;
    for (const auto* const command : parser->get_subcommands({})) all.push_back(words_of(*command));
    return all;
}

}  // namespace ballast::cli
