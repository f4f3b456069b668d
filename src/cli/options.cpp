// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include "config/spelling.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <fmt/format.h>
#include <system_error>

namespace ballast::cli {

namespace {

/// A number of seconds from a tenth to an hour.
std::chrono::milliseconds seconds_of(const std::string& option, const std::string& text) {
    constexpr double seconds_min = 0.1;
    constexpr double seconds_max = 3600;
    double seconds = 0;
    const auto* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
    if (error != std::errc() || stopped != end || seconds < seconds_min || seconds > seconds_max)
        throw CLI::ValidationError(option,
                                   fmt::format("{} is not a number of seconds from {} to {}",
                                               config::in_quotes(text), seconds_min, seconds_max));
    constexpr double milliseconds = 1000;
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * milliseconds));
}

}  // namespace

void add_file(CLI::App& command, CommandLine& into) {
    command
        .add_option_function<std::string>(
            "-c,--config",
            [&into](const std::string& file) {
                into.file = file;
                into.is_file_given = true;
            },
            "the configuration file")
        ->default_str(into.file)
        ->type_name("FILE");
}

void add_daemon(CLI::App& command, CommandLine& into) {
    add_file(command, into);
    command
        .add_option("--socket", into.socket,
                    "the socket of the running Ballast, instead of the one that the configuration "
                    "file names")
        ->type_name("PATH");
}

void add_daemon_and_json(CLI::App& command, CommandLine& into) {
    add_daemon(command, into);
    command
        .add_option("--node", into.node,
                    "the node that this is about, of those that share a store; `all` for lists of "
                    "all nodes")
        ->type_name("NODE");
    command.add_flag("--json", into.json, "print the reply as JSON");
}

void add_watch(CLI::App& command, CommandLine& into) {
    command
        .add_option_function<std::string>(
            "--watch",
            [&into](const std::string& text) {
                into.watch = text.empty() ? std::chrono::seconds(2) : seconds_of("--watch", text);
            },
            "look again every two seconds, or in this interval")
        ->expected(0, 1)
        ->type_name("SECONDS");
}

void add_view(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_watch(command, into);
}

void add_interval(CLI::App& command, CommandLine& into) {
    command
        .add_option_function<std::string>(
            "--interval",
            [&into](const std::string& text) { into.watch = seconds_of("--interval", text); },
            "look again in this interval, instead of each second")
        ->type_name("SECONDS");
}

void add_patience(CLI::App& command, CommandLine& into) {
    command
        .add_option_function<std::string>(
            "--timeout",
            [&into](const std::string& text) { into.patience = seconds_of("--timeout", text); },
            "wait this long for the reply, instead of two seconds")
        ->type_name("SECONDS");
}

void add_filter(CLI::App& command, CommandLine& into, const std::string& name,
                const std::string& help, const std::string& type) {
    command
        .add_option_function<std::string>(
            "--" + name,
            [&into, name](const std::string& value) { into.filters.emplace_back(name, value); },
            help)
        ->type_name(type);
}

void add_limit(CLI::App& command, CommandLine& into) {
    command
        .add_option_function<std::uint32_t>(
            "--limit",
            [&into](std::uint32_t value) {
                into.filters.emplace_back("limit", fmt::to_string(value));
            },
            "at most this many entries")
        ->type_name("NUMBER")
        ->check(CLI::PositiveNumber.description(""));
}

void add_subject(CLI::App& command, CommandLine& into, const std::string& name,
                 const std::string& type, const std::string& help) {
    command.add_option(name, into.subject, help)->type_name(type);
}

void add_backend(CLI::App& command, CommandLine& into) {
    add_daemon_and_json(command, into);
    add_subject(command, into, "backend", "POOL/BACKEND", "the backend");
    command.add_flag("--all", into.all, "the whole balancer instead of one backend");
}

std::string wrong_backend(const CommandLine& given) {
    if (given.all && !given.subject.empty())
        return fmt::format("{} and --all cannot be combined (leave one out)",
                           config::in_quotes(given.subject));
    if (given.all) return {};
    const auto example = "name it as POOL/BACKEND, or --all for the whole balancer";
    if (given.subject.empty()) return fmt::format("the backend is missing ({})", example);
    const auto slash = given.subject.find('/');
    if (slash != std::string::npos && slash > 0 && slash + 1 < given.subject.size()) return {};
    return fmt::format("{} is not a backend ({})", config::in_quotes(given.subject), example);
}

}  // namespace ballast::cli
