// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"
#include "config/check_passthrough.h"
#include "config/load.h"
#include "config/schema.h"
#include "daemon/daemon.h"
#include "daemon/privileges.h"
#include "daemon/trial.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

namespace {

using ballast::config::Config;

/// The configuration, or nothing after every problem was said on standard error.
std::optional<Config> load(const std::string& file) {
    const auto text = ballast::base::read_file(file);
    if (!text) {
        fmt::print(stderr, "{}: cannot be read: {} (name a file that this user may read)\n", file,
                   ballast::base::to_string(text.error()));
        return std::nullopt;
    }
    auto config = ballast::config::load(*text);
    if (config) return std::move(*config);
    for (const auto& problem : config.error())
        fmt::print(stderr, "{}\n", ballast::config::to_string(problem, file));
    return std::nullopt;
}

int run(const std::string& file) {
    const auto config = load(file);
    return config ? ballast::daemon::run(*config, file.c_str()) : 1;
}

int check(const std::string& file, const std::string& user, bool print) {
    if (!user.empty()) {
        if (const auto done = ballast::daemon::become(user); !done) {
            fmt::print(stderr, "{}\n", ballast::base::to_string(done.error()));
            return 1;
        }
    }
    const auto config = load(file);
    if (!config) return 1;
    const auto problems = ballast::daemon::try_start(*config, true);
    for (const auto& problem : problems)
        fmt::print(stderr, "{}\n", ballast::config::to_string(problem, file));
    if (!problems.empty()) return 1;
    if (print) {
        fmt::print("{}", ballast::config::written_out(*config));
        return 0;
    }
    for (const auto& secret : ballast::daemon::exposed_secrets(*config))
        fmt::print("note: {}\n", ballast::config::to_string(secret, file));
    for (const auto& limit : ballast::config::limits_of_passthrough(*config))
        fmt::print("note: {}\n", ballast::config::to_string(limit, file));
    fmt::print("{}: ok, {} listeners, {} pools\n", file, config->listeners.size(),
               config->pools.size());
    return 0;
}

}  // namespace

int main(int argument_count, char** arguments) {
    CLI::App app("Ballast, the FTP load balancer");
    app.require_subcommand(1);
    std::string file = "/etc/ballast/ballast.toml";
    const auto add_file = [&](CLI::App* command) {
        command->add_option("-c,--config", file, "the configuration file")->capture_default_str();
    };
    auto* const run_command = app.add_subcommand("run", "balance, until SIGTERM");
    auto* const check_command = app.add_subcommand(
        "check",
        "say everything that is wrong with the configuration, and what would fail at start");
    auto* const version_command = app.add_subcommand("version", "print the version");
    auto* const manual_command =
        app.add_subcommand("manual", "print the reference of all configuration keys as Markdown");
    auto* const schema_command = app.add_subcommand(
        "schema", "print the form of a configuration as a JSON Schema, for editors");
    add_file(run_command);
    add_file(check_command);
    std::string user;
    check_command->add_option("--user", user,
                              "check as this user, who Ballast runs as: whether it may read keys "
                              "and passwords, and write its logs (for root)");
    bool print = false;
    check_command->add_flag("--print", print,
                            "print the configuration with every setting written out");
    CLI11_PARSE(app, argument_count, arguments);

    if (run_command->parsed()) return run(file);
    if (check_command->parsed()) return check(file, user, print);
    if (version_command->parsed()) fmt::print("ballast {}\n", BALLAST_VERSION);
    if (manual_command->parsed()) fmt::print("{}", ballast::config::manual());
    if (schema_command->parsed()) fmt::print("{}", ballast::config::schema());
    return 0;
}
