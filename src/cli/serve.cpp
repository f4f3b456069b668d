// SPDX-License-Identifier: Apache-2.0
#include "cli/serve.h"

#include "admin/metrics_page.h"
#include "config/check_kernel_path.h"
#include "config/check_passthrough.h"
#include "config/load.h"
#include "config/schema.h"
#include "daemon/daemon.h"
#include "daemon/examine.h"
#include "daemon/inheritance.h"
#include "daemon/low_ports.h"
#include "daemon/privileges.h"
#include "daemon/source_rules.h"
#include "daemon/trial.h"

#include <cstddef>
#include <cstdio>
#include <exception>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using config::Problem;
using daemon::Examined;

void print(const std::vector<Problem>& problems, const std::string& file) {
    for (const auto& problem : problems)
        fmt::print(stderr, "{}\n", config::to_string(problem, file));
}

std::string unreadable(const std::string& file, const base::Error& reason) {
    return fmt::format("{}: cannot be read: {} (name a file that this user may read)", file,
                       base::to_string(reason));
}

/// Empty if the file cannot be read; standard error then says so.
std::optional<Examined> examine(const std::string& file, const daemon::Trial& trial) {
    auto examined = daemon::examine(file, trial);
    if (examined) return std::move(*examined);
    fmt::print(stderr, "{}\n", unreadable(file, examined.error()));
    return std::nullopt;
}

}  // namespace

Status run(const CommandLine& wanted) {
    const auto& file = wanted.file;
    auto inheritance = daemon::inherit();
    if (!inheritance) {
        fmt::print(stderr, "ballast: {}\n", base::to_string(inheritance.error()));
        return Status::failed;
    }
    // The process to be replaced still holds its addresses.
    const auto running = inheritance->link ? file : std::string();
    auto examined =
        daemon::examine(file, {.running_file = running, .inherited = inheritance->addresses()});
    if (!examined) {
        daemon::tell_failure(inheritance->link, unreadable(file, examined.error()));
        fmt::print(stderr, "{}\n", unreadable(file, examined.error()));
        return Status::failed;
    }
    auto& [config, problems] = examined->reading;
    if (config::has_errors(problems)) {
        daemon::tell_failure(inheritance->link, problems, file);
        return Status::failed;
    }
    auto snapshot = std::make_shared<const config::Config>(std::move(*config));
    switch (daemon::run(std::move(snapshot), problems, {file, wanted.pid_file},
                        std::move(*inheritance))) {
        case daemon::End::whole: return Status::good;
        case daemon::End::failed: return Status::failed;
        case daemon::End::cut: return Status::cut;
    }
    std::terminate();  // -Wswitch makes a missing case a build error
}

namespace {

/// "1 listener", "2 listeners"
std::string counted(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// The end of the program checks whether it could be written.
Status print(const std::string& text) {
    (void)std::fputs(text.c_str(), stdout);
    return Status::good;
}

void print_notes(const std::vector<Problem>& limits, const std::string& file) {
    for (const auto& limit : limits)
        print(fmt::format("note: {}\n", config::to_string(limit, file)));
}

}  // namespace

Status check(const CommandLine& wanted) {
    const auto& file = wanted.file;
    if (!wanted.user.empty()) {
        if (const auto done = daemon::become(wanted.user); !done) {
            fmt::print(stderr, "{}\n", base::to_string(done.error()));
            return Status::failed;
        }
    }
    const auto examined =
        examine(file, {.asks_names = true, .running_file = wanted.bind ? std::string() : file});
    if (!examined) return Status::failed;
    const auto& [config, problems] = examined->reading;
    print(problems, file);
    const auto warnings = config::count_warnings(problems);
    if (config::has_errors(problems)) return Status::failed;
    if (wanted.strict && warnings > 0) {
        fmt::print(stderr, "{}: {}, and --strict counts warnings as errors\n", file,
                   counted(warnings, "warning"));
        return Status::failed;
    }
    if (wanted.print) return print(config::written_out(*config));
    if (wanted.rules) return print(daemon::source_rules(*config));
    print_notes(config::limits_of_passthrough(*config), file);
    print_notes(config::limits_of_kernel_path(*config), file);
    if (!examined->not_bound.empty()) print(fmt::format("note: {}\n", examined->not_bound));
    if (!daemon::source_rules(*config).empty())
        print(
            "note: source = \"client\" needs CAP_NET_ADMIN in the service, and routes: see "
            "`ballast "
            "check --rules`\n");
    const auto& user = wanted.user;
    const auto low_ports = daemon::ports_below(daemon::first_unprivileged_port(), *config);
    if (!user.empty() && !low_ports.empty())
        print(
            fmt::format("note: {} may bind {} because it has CAP_NET_BIND_SERVICE here, as in "
                        "packaging/ballast.service; a start in another way needs it too\n",
                        user, low_ports));
    return print(fmt::format("{}: ok{}, {}, {}{}\n", file, user.empty() ? "" : " for " + user,
                             counted(config->listeners.size(), "listener"),
                             counted(config->pools.size(), "pool"),
                             warnings == 0 ? "" : ", " + counted(warnings, "warning")));
}

Status print_version(const CommandLine& /*wanted*/) {
    return print("ballast " BALLAST_VERSION "\n");
}
Status print_manual(const CommandLine& wanted) {
    return print(wanted.metrics ? admin::metrics_manual() : config::manual());
}
Status print_schema(const CommandLine& /*wanted*/) { return print(config::schema()); }

}  // namespace ballast::cli
