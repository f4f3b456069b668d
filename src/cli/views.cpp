// SPDX-License-Identifier: Apache-2.0
#include "cli/views.h"

#include "cli/running_daemon.h"
#include "cli/table.h"
#include "cli/watch.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using std::string_view;
using Cells = std::vector<Table::Cell>;

/// A list of the daemon's as a table.
struct View {
    string_view path;
    string_view list;  ///< the member with the entries
    std::vector<Table::Column> columns;
    Cells (*row)(const json::object& entry);
    std::string (*name)(const json::object& entry);
};

Outcome<std::string> text_of(const View& view, const CommandLine& wanted, const json::object& reply,
                             const Screen& screen) {
    if (wanted.json) return json::serialize(reply) + '\n';
    const auto& entries = list_at(reply, view.list);
    if (wanted.names) {
        std::string names;
        for (const auto& each : entries) names += printable(view.name(as_object(each))) + '\n';
        return names;
    }
    Table table(view.columns);
    for (const auto& each : entries) table.add(view.row(as_object(each)));
    return table.text(screen);
}

Status show(const View& view, const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    return status_of(show(wanted, [&](const Screen& screen) -> Outcome<std::string> {
        const auto reply = daemon->ask_for_list(target_with(view.path, wanted.filters), view.list);
        if (!reply) return std::unexpected(reply.error());
        return text_of(view, wanted, *reply, screen);
    }));
}

Table::Cell number(const json::object& entry, string_view key) {
    return {fmt::to_string(number_at(entry, key))};
}

Tint tint_of_state(string_view state) {
    if (state == "ready") return Tint::none;
    return state == "disabled" ? Tint::bad : Tint::warning;
}

Tint tint_of_health(string_view health) {
    if (health == "up") return Tint::good;
    return health == "unknown" ? Tint::warning : Tint::bad;
}

std::string name_of_backend(const json::object& entry) {
    return fmt::format("{}/{}", text_at(entry, "pool"), text_at(entry, "backend"));
}

Cells row_of_backend(const json::object& entry) {
    const auto state = text_at(entry, "state");
    const auto health = flag_at(entry, "ejected") ? "ejected" : text_at(entry, "health");
    return {{name_of_backend(entry)},      {text_at(entry, "address")},
            {state, tint_of_state(state)}, {health, tint_of_health(health)},
            number(entry, "sessions"),     number(entry, "transfers")};
}

constexpr std::size_t name_width_min = 12;

}  // namespace

Status show_backends(const CommandLine& wanted) {
    return show({.path = "/v1/backends",
                 .list = "backends",
                 .columns = {{.heading = "BACKEND", .width_min = name_width_min},
                             {.heading = "ADDRESS", .width_min = name_width_min},
                             {.heading = "STATE"},
                             {.heading = "HEALTH"},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "TRANSFERS", .is_number = true}},
                 .row = row_of_backend,
                 .name = name_of_backend},
                wanted);
}

}  // namespace ballast::cli
