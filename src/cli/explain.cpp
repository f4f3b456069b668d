// SPDX-License-Identifier: Apache-2.0
#include "cli/explain.h"

#include "admin/target.h"
#include "cli/amounts.h"
#include "cli/printable.h"
#include "cli/running_daemon.h"
#include "cli/table.h"
#include "cli/watch.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::cli {

namespace {

using std::string_view;

std::string backend_of(const json::object& story) {
    const auto backend = text_at(story, "backend");
    return backend.empty() ? backend : text_at(story, "pool") + '/' + backend;
}

/// "name value  " if there is one.
std::string part(string_view name, const std::string& value) {
    return value.empty() ? std::string() : fmt::format("  {} {}", name, printable(value));
}

std::string text_of_story(const json::object& story, const Screen& screen) {
    auto text = screen.tinted("session " + printable(text_at(story, "session")), Tint::heading) +
                part("user", text_at(story, "user")) + part("from", text_at(story, "client")) +
                part("at", text_at(story, "listener")) + part("on", backend_of(story)) +
                part("node", text_at(story, "node")) + '\n';
    const auto ended = text_at(story, "ended_at");
    text += fmt::format("began {}, {}\n", printable(text_at(story, "began_at")),
                        ended.empty() ? "goes on"
                                      : fmt::format("ended {}: {}", printable(ended),
                                                    printable(text_at(story, "reason"))));
    for (const auto& each : list_at(story, "entries")) {
        const auto& entry = as_object(each);
        text += fmt::format(
            "{}  {}\n",
            screen.tinted(fmt::format("{:>+10.3f}", amount_at(entry, "after").value_or(0)),
                          Tint::faint),
            printable(text_at(entry, "text")));
    }
    return text;
}

/// The transfers that a search was for, each with its session.
std::string text_of_matches(const json::object& reply, const Screen& screen) {
    std::string text;
    for (const auto& each : list_at(reply, "stories")) {
        const auto& story = as_object(each);
        for (const auto& match : list_at(story, "entries")) {
            const auto& entry = as_object(match);
            text += fmt::format("{}{}  {}  {}\n", text.empty() ? "\n" : "",
                                printable(text_at(story, "session")),
                                screen.tinted(printable(text_at(entry, "at")), Tint::faint),
                                printable(text_at(entry, "text")));
        }
    }
    return text;
}

std::string text_of_list(const json::object& reply, const Screen& screen, bool has_nodes) {
    constexpr std::size_t name_width_min = 8;
    std::vector<Table::Column> columns = {{.heading = "SESSION"},
                                          {.heading = "BEGAN"},
                                          {.heading = "USER", .width_min = name_width_min},
                                          {.heading = "CLIENT", .width_min = name_width_min},
                                          {.heading = "BACKEND", .width_min = name_width_min},
                                          {.heading = "TRANSFERS", .is_number = true},
                                          {.heading = "FAILED", .is_number = true},
                                          {.heading = "BYTES", .is_number = true},
                                          {.heading = "END", .width_min = name_width_min}};
    if (has_nodes) columns.insert(columns.begin(), {.heading = "NODE"});
    Table table(std::move(columns));
    for (const auto& each : list_at(reply, "stories")) {
        const auto& story = as_object(each);
        const auto failed = number_at(story, "failed_transfers");
        const bool has_ended = !text_at(story, "ended_at").empty();
        std::vector<Table::Cell> row = {
            {text_at(story, "session")},
            {text_at(story, "began_at")},
            {text_at(story, "user")},
            {text_at(story, "client")},
            {backend_of(story)},
            {fmt::to_string(number_at(story, "transfers"))},
            {fmt::to_string(failed), failed > 0 ? Tint::bad : Tint::none},
            {bytes_text(number_at(story, "bytes"))},
            {has_ended ? text_at(story, "reason") : "goes on"}};
        if (has_nodes) row.insert(row.begin(), {text_at(story, "node")});
        table.add(std::move(row));
    }
    return table.text(screen) + text_of_matches(reply, screen);
}

Outcome<void> carry_out(const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return std::unexpected(daemon.error());
    const bool is_one = !wanted.subject.empty();
    const auto target =
        is_one ? fmt::format("/v1/sessions/{}/explain", admin::percent_encoded(wanted.subject))
               : target_with("/v1/explain", wanted.filters);
    return show(wanted, [&](const Screen& screen) -> Outcome<std::string> {
        const auto reply = daemon->ask({"GET", target, ""});
        if (!reply) return std::unexpected(reply.error());
        if (wanted.json) return printable_json(json::serialize(*reply)) + '\n';
        return is_one ? text_of_story(*reply, screen)
                      : text_of_list(*reply, screen, wanted.node == every_node);
    });
}

}  // namespace

Status explain(const CommandLine& wanted) { return status_of(carry_out(wanted)); }

}  // namespace ballast::cli
