// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include "cli/command_words.h"
#include "cli/import.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <iterator>
#include <string_view>
#include <vector>

namespace ballast::cli {

namespace {

using std::string_view;

/// What a value of this type can be.
enum class Values : std::uint8_t {
    none,
    files,
    backends,
    commands,
    shells,
    pages,
    languages,
    forms,
    anything,
};

Values values_of(string_view type) {
    if (type.empty()) return Values::none;
    if (type == "FILE" || type == "PATH") return Values::files;
    if (type == "POOL/BACKEND") return Values::backends;
    if (type == "COMMAND") return Values::commands;
    if (type == "SHELL") return Values::shells;
    if (type == "PAGE") return Values::pages;
    if (type == "LANGUAGE") return Values::languages;
    if (type == "FORM") return Values::forms;
    return Values::anything;
}

std::string replaced(std::string text, string_view what, string_view with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

/// In single quotes, for any of the shells' sh-like syntax.
std::string quoted(string_view text) {
    return '\'' + replaced(std::string(text), "'", R"('\'')") + '\'';
}

std::string names_of(const std::vector<CommandWords>& commands) {
    std::string names;
    for (const auto& each : commands) names += (names.empty() ? "" : " ") + each.name;
    return names;
}

/// The words that this kind of value can be, in a shell with $(...).
std::string words_of(Values values, const std::vector<CommandWords>& commands) {
    switch (values) {
        case Values::backends: return "$(_ballast_backends)";
        case Values::commands: return names_of(commands);
        case Values::shells: return "bash zsh fish";
        case Values::pages: return "ballast.8 ballast.toml.5";
        case Values::languages: return listed_languages();
        case Values::forms: return "text json";
        case Values::none:
        case Values::files:
        case Values::anything: return "";
    }
    return "";
}

// bash

constexpr string_view bash_begin =
    R"bash(# Completion of ballast for bash, made by `ballast completion bash`.

# Names as the running daemon has them. The daemon is the one that the command line means.
_ballast_backends() {
    ballast backends --names "${daemon[@]}" 2>/dev/null |
        grep -E '^[A-Za-z0-9_-]+/[A-Za-z0-9_-]+$'
}

_ballast() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command='' words='' skip='' i
    local -a daemon=() kinds=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case $skip${COMP_WORDS[i]} in
            -c | --config | --socket)
                daemon+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]}")
                skip=value:
                continue
                ;;
            value:* | -*) ;;
            *) [[ $command ]] || command=${COMP_WORDS[i]} ;;
        esac
        skip=''
    done
)bash";

std::string bash(const std::vector<CommandWords>& commands) {
    std::string text(bash_begin);
    auto add = std::back_inserter(text);
    text += "    case $command:$before in\n";
    for (const auto& command : commands) {
        for (const auto& option : command.options) {
            const auto values = values_of(option.value);
            if (values == Values::none || option.is_value_optional) continue;
            std::vector<std::string> patterns;
            patterns.reserve(option.names.size());
            for (const auto& name : option.names)
                patterns.push_back(fmt::format("{}:{}", command.name, name));
            fmt::format_to(add, "        {})", fmt::join(patterns, " | "));
            if (values == Values::files)
                text +=
                    "\n            compopt -o filenames\n"
                    "            mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                    "            return\n            ;;\n";
            else
                text += " return ;;\n";
        }
    }
    text += "    esac\n    case $command in\n";
    fmt::format_to(add, "        '') words='{} --help --version' ;;\n", names_of(commands));
    for (const auto& command : commands) {
        std::vector<std::string> words;
        words.reserve(command.options.size() + command.arguments.size());
        for (const auto& option : command.options) words.push_back(option.names.back());
        bool is_file_wanted = false;
        for (const auto& argument : command.arguments) {
            is_file_wanted = is_file_wanted || values_of(argument.value) == Values::files;
            if (const auto values = words_of(values_of(argument.value), commands); !values.empty())
                words.push_back(values);
        }
        fmt::format_to(add, "        {}) words=\"{}\"{} ;;\n", command.name, fmt::join(words, " "),
                       is_file_wanted ? " kinds=(-f)" : "");
    }
    text +=
        "    esac\n"
        "    mapfile -t COMPREPLY < <(compgen \"${kinds[@]}\" -W \"$words\" -- \"$word\")\n"
        "}\n"
        "complete -F _ballast ballast\n";
    return text;
}

// zsh

/// For the text of a specification, inside single quotes (zshcompsys(1), _arguments).
std::string zsh_text(string_view text) {
    auto result = replaced(std::string(text), R"(\)", R"(\\)");
    for (const string_view special : {"[", "]", ":"})
        result = replaced(std::move(result), special, "\\" + std::string(special));
    return replaced(std::move(result), "'", R"('\'')");
}

std::string zsh_action(string_view type, const std::vector<CommandWords>& commands) {
    switch (values_of(type)) {
        case Values::files: return "_files";
        case Values::backends: return "_ballast_backends";
        case Values::commands:
        case Values::shells:
        case Values::pages:
        case Values::languages:
        case Values::forms: return fmt::format("({})", words_of(values_of(type), commands));
        case Values::none:
        case Values::anything: return " ";
    }
    return " ";
}

std::string zsh(const std::vector<CommandWords>& commands) {
    std::string text = R"zsh(#compdef ballast
# Completion of ballast for zsh, made by `ballast completion zsh`.

_ballast_backends() {
    local -a names daemon
    local i
    for ((i = 2; i < $#words; i++)); do
        case $words[i] in
            -c | --config | --socket) daemon+=("$words[i]" "$words[i + 1]") ;;
        esac
    done
    names=(${(f)"$(_call_program backends ballast backends --names ${(q)daemon} 2>/dev/null)"})
    compadd -a names
}

_ballast() {
    local state line
    local -a commands
    commands=(
)zsh";
    auto add = std::back_inserter(text);
    for (const auto& each : commands)
        fmt::format_to(add, "        '{}:{}'\n", each.name, zsh_text(each.summary));
    text += R"zsh(    )
    _arguments -C '1:command:->command' '*::argument:->argument' '(- *)'{-h,--help}'[print help]' \
        '(- *)'{-V,--version}'[print the version]'
    case $state in
        command) _describe -t commands command commands ;;
        argument)
            case $words[1] in
)zsh";
    for (const auto& command : commands) {
        fmt::format_to(add, "                {})\n                    _arguments", command.name);
        for (const auto& option : command.options) {
            const auto& names = option.names;
            std::string value;
            if (!option.value.empty())
                value = fmt::format("{}:{}:{}", option.is_value_optional ? ":" : "",
                                    zsh_text(option.value), zsh_action(option.value, commands));
            const auto what = fmt::format("[{}]{}", zsh_text(option.help), value);
            if (names.size() == 1)
                fmt::format_to(add, " \\\n                        '{}{}'", names.front(), what);
            else
                fmt::format_to(add, " \\\n                        '({0})'{{{1}}}'{2}'",
                               fmt::join(names, " "), fmt::join(names, ","), what);
        }
        for (std::size_t i = 0; i < command.arguments.size(); ++i)
            fmt::format_to(add, " \\\n                        '{}:{}:{}'", i + 1,
                           zsh_text(command.arguments[i].value),
                           zsh_action(command.arguments[i].value, commands));
        text += "\n                    ;;\n";
    }
    text += "            esac\n            ;;\n    esac\n}\n\n_ballast \"$@\"\n";
    return text;
}

// fish

std::string fish(const std::vector<CommandWords>& commands) {
    std::string text = R"fish(# Completion of ballast for fish, made by `ballast completion fish`.

function __ballast_backends
    set -l words (commandline -opc)
    set -l daemon
    for i in (seq 2 (math (count $words) - 1))
        contains -- $words[$i] -c --config --socket
        and set -a daemon $words[$i] $words[(math $i + 1)]
    end
    ballast backends --names $daemon 2>/dev/null
end

complete -c ballast -f
complete -c ballast -n __fish_use_subcommand -s h -l help -d 'print help'
complete -c ballast -n __fish_use_subcommand -s V -l version -d 'print the version'
)fish";
    auto add = std::back_inserter(text);
    for (const auto& command : commands) {
        fmt::format_to(add, "\ncomplete -c ballast -n __fish_use_subcommand -a {} -d {}\n",
                       command.name, quoted(command.summary));
        const auto line =
            fmt::format("complete -c ballast -n '__fish_seen_subcommand_from {}'", command.name);
        for (const auto& option : command.options) {
            text += line;
            for (const auto& name : option.names)
                fmt::format_to(add, " {} {}", name.starts_with("--") ? "-l" : "-s",
                               name.substr(name.starts_with("--") ? 2 : 1));
            const auto values = values_of(option.value);
            if (values == Values::files)
                text += " -r -F";
            else if (values != Values::none && !option.is_value_optional)
                text += " -x";
            fmt::format_to(add, " -d {}\n", quoted(option.help));
        }
        for (const auto& argument : command.arguments) {
            const auto values = values_of(argument.value);
            if (values == Values::files) text += line + " -F\n";
            const auto words = values == Values::backends ? std::string("(__ballast_backends)")
                                                          : words_of(values, commands);
            if (!words.empty()) fmt::format_to(add, "{} -a {}\n", line, quoted(words));
        }
    }
    return text;
}

struct Shell {
    string_view name;
    std::string (*completion)(const std::vector<CommandWords>& commands);
};
constexpr auto shells = std::to_array<Shell>({{"bash", bash}, {"zsh", zsh}, {"fish", fish}});

}  // namespace

Status print_completion(const CommandLine& wanted) {
    const auto* const shell = std::ranges::find(shells, wanted.subject, &Shell::name);
    (void)std::fputs(shell->completion(command_words()).c_str(), stdout);
    return Status::good;
}

std::string wrong_shell(const CommandLine& given) {
    if (std::ranges::find(shells, given.subject, &Shell::name) != shells.end()) return {};
    return given.subject.empty() ? "the shell is missing (use bash, zsh or fish)"
                                 : "there is completion for bash, zsh and fish only";
}

}  // namespace ballast::cli
