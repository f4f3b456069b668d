// SPDX-License-Identifier: Apache-2.0
#include "cli/views.h"

#include "admin/target.h"
#include "cli/amounts.h"
#include "cli/moment.h"
#include "cli/printable.h"
#include "cli/running_daemon.h"
#include "cli/table.h"
#include "cli/watch.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdint>
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
    if (wanted.json) return printable_json(json::serialize(reply)) + '\n';
    const auto& entries = list_at(reply, view.list);
    if (wanted.names) {
        std::string names;
        for (const auto& each : entries) names += printable(view.name(as_object(each))) + '\n';
        return names;
    }
    auto columns = view.columns;
    const bool has_nodes = wanted.node == every_node;
    if (has_nodes) columns.insert(columns.begin(), {.heading = "NODE"});
    Table table(std::move(columns));
    for (const auto& each : entries) {
        auto row = view.row(as_object(each));
        if (has_nodes) row.insert(row.begin(), {text_at(as_object(each), "node")});
        table.add(std::move(row));
    }
    return table.text(screen);
}

Status show(const View& view, const CommandLine& wanted) {
    const auto daemon = RunningDaemon::find(wanted);
    if (!daemon) return status_of(std::unexpected(daemon.error()));
    const bool has_limit = std::ranges::any_of(
        wanted.filters, [](const auto& filter) { return filter.first == "limit"; });
    return status_of(show(wanted, [&](const Screen& screen) -> Outcome<std::string> {
        const auto target = target_with(view.path, wanted.filters);
        const auto reply =
            has_limit ? daemon->ask({"GET", target, ""}) : daemon->ask_for_list(target, view.list);
        if (!reply) return std::unexpected(reply.error());
        return text_of(view, wanted, *reply, screen);
    }));
}

Table::Cell number(const json::object& entry, string_view key) {
    return {fmt::to_string(number_at(entry, key))};
}

/// A limit of which 0 means none.
Table::Cell of_limit(const json::object& entry, string_view key) {
    const auto value = number_at(entry, key);
    return {value == 0 ? "-" : fmt::to_string(value)};
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

/// "3", or "3 +5" with those of other nodes.
Table::Cell number_everywhere(const json::object& entry, string_view key) {
    const auto elsewhere = number_at(entry, fmt::format("{}_elsewhere", key));
    const auto here = number_at(entry, key);
    return {elsewhere == 0 ? fmt::to_string(here) : fmt::format("{} +{}", here, elsewhere)};
}

Cells row_of_backend(const json::object& entry) {
    const auto state = text_at(entry, "state");
    const auto health = flag_at(entry, "ejected") ? "ejected" : text_at(entry, "health");
    return {{name_of_backend(entry)},
            {text_at(entry, "address")},
            {state, tint_of_state(state)},
            {health, tint_of_health(health)},
            number_everywhere(entry, "sessions"),
            number_everywhere(entry, "transfers"),
            {rate_text(amount_at(entry, "bytes_per_second").value_or(0))},
            number(entry, "weight"),
            {age_text(text_at(entry, "health_since"), now())},
            {text_at(entry, "reason")}};
}

Cells row_of_node(const json::object& entry) {
    const auto state = text_at(entry, "state");
    const auto store = text_at(entry, "store");
    const auto heard = amount_at(entry, "heartbeat_age");
    return {{text_at(entry, "name")},
            {state, tint_of_state(state)},
            {store, store == "lost" ? Tint::bad : Tint::none},
            number(entry, "sessions"),
            number(entry, "transfers"),
            {age_text(text_at(entry, "since"), now())},
            {heard ? fmt::format("{:.1f}s", *heard) : "-"},
            {text_at(entry, "version")},
            {text_at(entry, "address")}};
}

Cells row_of_pool(const json::object& entry) {
    const bool can_serve = flag_at(entry, "can_serve");
    const auto serving =
        fmt::format("{}/{}", number_at(entry, "serving"), number_at(entry, "backends"));
    return {{text_at(entry, "pool")},     {text_at(entry, "balance")},
            {text_at(entry, "failover")}, {serving, can_serve ? Tint::good : Tint::bad},
            number(entry, "sessions"),    number(entry, "transfers"),
            number(entry, "waiting"),     number(entry, "stick_entries")};
}

Cells row_of_probe(const json::object& entry) {
    constexpr double milliseconds = 1000;
    const bool passed = flag_at(entry, "passed");
    std::string slowest;
    double longest = 0;
    for (const auto& each : list_at(entry, "steps")) {
        const auto seconds = amount_at(as_object(each), "seconds").value_or(0);
        if (seconds < longest) continue;
        longest = seconds;
        slowest = text_at(as_object(each), "name");
    }
    return {{name_of_backend(entry)},
            {text_at(entry, "address")},
            {age_text(text_at(entry, "at"), now())},
            {passed ? "passed" : "failed", passed ? Tint::good : Tint::bad},
            {fmt::format("{:.0f} ms", amount_at(entry, "seconds").value_or(0) * milliseconds)},
            {slowest},
            {text_at(entry, "reason")}};
}

std::string joined(const json::array& texts) {
    std::string all;
    for (const auto& each : texts)
        if (const auto* const text = each.if_string())
            all += (all.empty() ? "" : " ") + std::string(text->data(), text->size());
    return all;
}

Cells row_of_listener(const json::object& entry) {
    return {{text_at(entry, "name")},  {joined(list_at(entry, "addresses"))},
            {text_at(entry, "mode")},  {text_at(entry, "pool")},
            number(entry, "sessions"), of_limit(entry, "max_sessions")};
}

Cells row_of_session(const json::object& entry) {
    const auto backend = text_at(entry, "backend");
    const auto version = text_at(object_at(entry, "client_tls"), "version");
    return {{text_at(entry, "id")},
            {text_at(entry, "user")},
            {text_at(entry, "client")},
            {backend.empty() ? "" : name_of_backend(entry)},
            {text_at(entry, "phase")},
            {age_text(text_at(entry, "phase_since"), now())},
            {age_text(text_at(entry, "began"), now())},
            {version.empty() ? "-" : version},
            {text_at(entry, "command")}};
}

std::string name_of_session(const json::object& entry) { return text_at(entry, "id"); }

Cells row_of_transfer(const json::object& entry) {
    const auto left = amount_at(entry, "seconds_left");
    const auto size = amount_at(entry, "size");
    const auto bytes = number_at(entry, "bytes");
    return {{text_at(entry, "session")},
            {text_at(entry, "user")},
            {text_at(entry, "client")},
            {name_of_backend(entry)},
            {text_at(entry, "verb")},
            {text_at(entry, "path")},
            {rate_text(amount_at(entry, "bytes_per_second").value_or(0))},
            {bytes_text(bytes)},
            {size ? percent_text(static_cast<double>(bytes), *size) : ""},
            {left ? span_text(std::chrono::seconds(static_cast<std::int64_t>(*left))) : ""},
            {text_at(entry, "file")}};
}

std::string name_of_transfer(const json::object& entry) { return text_at(entry, "session"); }

Cells row_of_ban(const json::object& entry) {
    const auto left = std::chrono::seconds(number_at(entry, "seconds_left"));
    return {{text_at(entry, "client")},
            {text_at(entry, "pool")},
            {text_at(entry, "user")},
            {span_text(left)}};
}

std::string name_of_stick(const json::object& entry) {
    const auto user = text_at(entry, "user");
    return user.empty() ? text_at(entry, "client") : user;
}

Cells row_of_stick(const json::object& entry) {
    return {{name_of_stick(entry)},
            {text_at(entry, "backend")},
            number(entry, "sessions"),
            {age_text(text_at(entry, "last_used"), now())}};
}

std::string name_of_ban(const json::object& entry) { return text_at(entry, "client"); }

Cells row_of_limit(const json::object& entry) {
    constexpr double near = 0.8;
    const auto value = number_at(entry, "value");
    const auto in_use = amount_at(entry, "in_use");
    const auto share = value > 0 && in_use ? *in_use / static_cast<double>(value) : 0;
    const auto tint = share >= 1 ? Tint::bad : share >= near ? Tint::warning : Tint::none;
    return {{text_at(entry, "key")},
            {text_at(entry, "listener")},
            of_limit(entry, "value"),
            {in_use ? fmt::to_string(static_cast<std::uint64_t>(*in_use)) : "", tint},
            number(entry, "reached")};
}

std::string name_of_limit(const json::object& entry) { return text_at(entry, "key"); }

Cells row_of_certificate(const json::object& entry) {
    constexpr double soon = 14;
    const auto days = amount_at(entry, "days_left").value_or(0);
    const auto listener = text_at(entry, "listener");
    return {{listener.empty() ? name_of_backend(entry) : listener},
            {flag_at(entry, "ocsp") ? "OCSP" : "certificate"},
            {fmt::format("{}", days), days < 0      ? Tint::bad
                                      : days < soon ? Tint::warning
                                                    : Tint::good},
            {text_at(entry, "file")}};
}

std::string name_of_certificate(const json::object& entry) { return text_at(entry, "file"); }

constexpr std::size_t name_width_min = 12;
constexpr std::size_t short_width_min = 6;

}  // namespace

Status show_nodes(const CommandLine& wanted) {
    return show({.path = "/v1/nodes",
                 .list = "nodes",
                 .columns = {{.heading = "NODE", .width_min = short_width_min},
                             {.heading = "STATE"},
                             {.heading = "STORE"},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "TRANSFERS", .is_number = true},
                             {.heading = "AGE", .is_number = true},
                             {.heading = "HEARD", .is_number = true},
                             {.heading = "VERSION"},
                             {.heading = "ADDRESS", .width_min = short_width_min}},
                 .row = row_of_node,
                 .name = [](const json::object& entry) { return text_at(entry, "name"); }},
                wanted);
}

Status show_pools(const CommandLine& wanted) {
    return show({.path = "/v1/pools",
                 .list = "pools",
                 .columns = {{.heading = "POOL", .width_min = name_width_min},
                             {.heading = "BALANCE"},
                             {.heading = "FAILOVER"},
                             {.heading = "SERVING", .is_number = true},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "TRANSFERS", .is_number = true},
                             {.heading = "WAITING", .is_number = true},
                             {.heading = "STICKY", .is_number = true}},
                 .row = row_of_pool,
                 .name = [](const json::object& entry) { return text_at(entry, "pool"); }},
                wanted);
}

Status show_listeners(const CommandLine& wanted) {
    return show({.path = "/v1/listeners",
                 .list = "listeners",
                 .columns = {{.heading = "LISTENER", .width_min = name_width_min},
                             {.heading = "ADDRESSES", .width_min = name_width_min},
                             {.heading = "MODE"},
                             {.heading = "POOL", .width_min = name_width_min},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "LIMIT", .is_number = true}},
                 .row = row_of_listener,
                 .name = [](const json::object& entry) { return text_at(entry, "name"); }},
                wanted);
}

Status show_backends(const CommandLine& wanted) {
    return show({.path = "/v1/backends",
                 .list = "backends",
                 .columns = {{.heading = "BACKEND", .width_min = name_width_min},
                             {.heading = "ADDRESS", .width_min = name_width_min},
                             {.heading = "STATE"},
                             {.heading = "HEALTH"},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "TRANSFERS", .is_number = true},
                             {.heading = "RATE", .is_number = true},
                             {.heading = "WEIGHT", .is_number = true},
                             {.heading = "SINCE", .is_number = true},
                             {.heading = "REASON", .width_min = name_width_min}},
                 .row = row_of_backend,
                 .name = name_of_backend},
                wanted);
}

Status show_sessions(const CommandLine& wanted) {
    return show({.path = "/v1/sessions",
                 .list = "sessions",
                 .columns = {{.heading = "SESSION"},
                             {.heading = "USER", .width_min = short_width_min},
                             {.heading = "CLIENT", .width_min = name_width_min},
                             {.heading = "BACKEND", .width_min = short_width_min},
                             {.heading = "PHASE", .width_min = short_width_min},
                             {.heading = "SINCE", .is_number = true},
                             {.heading = "AGE", .is_number = true},
                             {.heading = "TLS"},
                             {.heading = "COMMAND", .width_min = name_width_min}},
                 .row = row_of_session,
                 .name = name_of_session},
                wanted);
}

Status show_transfers(const CommandLine& wanted) {
    return show({.path = "/v1/transfers",
                 .list = "transfers",
                 .columns = {{.heading = "SESSION"},
                             {.heading = "USER", .width_min = short_width_min},
                             {.heading = "CLIENT", .width_min = name_width_min},
                             {.heading = "BACKEND", .width_min = short_width_min},
                             {.heading = "VERB"},
                             {.heading = "PATH"},
                             {.heading = "RATE", .is_number = true},
                             {.heading = "BYTES", .is_number = true},
                             {.heading = "DONE", .is_number = true},
                             {.heading = "LEFT", .is_number = true},
                             {.heading = "FILE", .width_min = name_width_min, .cut = Side::front}},
                 .row = row_of_transfer,
                 .name = name_of_transfer},
                wanted);
}

Status show_probes(const CommandLine& wanted) {
    return show({.path = "/v1/probes",
                 .list = "probes",
                 .columns = {{.heading = "BACKEND", .width_min = name_width_min},
                             {.heading = "ADDRESS", .width_min = name_width_min},
                             {.heading = "AGO", .is_number = true},
                             {.heading = "RESULT"},
                             {.heading = "TOOK", .is_number = true},
                             {.heading = "SLOWEST", .width_min = short_width_min},
                             {.heading = "REASON", .width_min = name_width_min}},
                 .row = row_of_probe,
                 .name = name_of_backend},
                wanted);
}

Status show_stickiness(const CommandLine& wanted) {
    const auto path =
        fmt::format("/v1/pools/{}/stickiness", admin::percent_encoded(wanted.subject));
    return show({.path = path,
                 .list = "clients",
                 .columns = {{.heading = "CLIENT", .width_min = name_width_min},
                             {.heading = "BACKEND", .width_min = name_width_min},
                             {.heading = "SESSIONS", .is_number = true},
                             {.heading = "LAST USED", .is_number = true}},
                 .row = row_of_stick,
                 .name = name_of_stick},
                wanted);
}

Status show_bans(const CommandLine& wanted) {
    return show({.path = "/v1/bans",
                 .list = "bans",
                 .columns = {{.heading = "CLIENT", .width_min = name_width_min},
                             {.heading = "POOL", .width_min = short_width_min},
                             {.heading = "USER", .width_min = short_width_min},
                             {.heading = "LEFT", .is_number = true}},
                 .row = row_of_ban,
                 .name = name_of_ban},
                wanted);
}

Status show_limits(const CommandLine& wanted) {
    return show({.path = "/v1/limits",
                 .list = "limits",
                 .columns = {{.heading = "LIMIT", .width_min = name_width_min},
                             {.heading = "LISTENER", .width_min = short_width_min},
                             {.heading = "VALUE", .is_number = true},
                             {.heading = "USED", .is_number = true},
                             {.heading = "REACHED", .is_number = true}},
                 .row = row_of_limit,
                 .name = name_of_limit},
                wanted);
}

Status show_certificates(const CommandLine& wanted) {
    return show({.path = "/v1/certificates",
                 .list = "certificates",
                 .columns = {{.heading = "OF", .width_min = short_width_min},
                             {.heading = "KIND"},
                             {.heading = "DAYS", .is_number = true},
                             {.heading = "FILE", .width_min = name_width_min, .cut = Side::front}},
                 .row = row_of_certificate,
                 .name = name_of_certificate},
                wanted);
}

}  // namespace ballast::cli
