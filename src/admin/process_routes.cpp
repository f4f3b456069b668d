// SPDX-License-Identifier: Apache-2.0
#include "admin/list.h"
#include "admin/metrics_page.h"
#include "admin/openapi.h"
#include "admin/routes.h"
#include "admin/shapes.h"
#include "admin/socket_file.h"
#include "base/log.h"
#include "loop/answer.h"
#include "metrics/exposition.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <fmt/format.h>
#include <functional>
#include <unistd.h>
#include <utility>

namespace ballast::admin {

namespace {

using std::string_view;

constexpr auto reload_timeout = std::chrono::seconds(60);
constexpr auto upgrade_timeout = std::chrono::seconds(90);

Answer takes_long(string_view what, std::chrono::seconds timeout) {
    return refusal(504, fmt::format("the {} takes longer than {} seconds and goes on (see the log "
                                    "for its end)",
                                    what, timeout.count()));
}

Answer to_answer(const ReloadReport& report) {
    const auto lists =
        fmt::format(R"("problems":{},"warnings":{},"needs_restart":{})", json_of(report.problems),
                    json_of(report.warnings), json_of(report.needs_restart));
    if (report.applied) return {.body = fmt::format(R"({{"applied":true,{}}})", lists)};
    return refusal(
        422,
        "the configuration has problems, so nothing was changed (correct them and reload again)",
        R"("applied":false,)" + lists);
}

loop::Task<Answer> upgrade(Desk& desk, Call /*call*/) {
    const auto report = co_await loop::answer_of<UpgradeReport>(desk.loop, upgrade_timeout,
                                                                std::ref(desk.actions.upgrade));
    if (!report) co_return takes_long("upgrade", upgrade_timeout);
    if (report->pid == 0) co_return refusal(422, report->problem);
    co_return Answer{.body = fmt::format(R"({{"upgraded":true,"pid":{}}})", report->pid)};
}

loop::Task<Answer> reload(Desk& desk, Call call) {
    const auto* const may_upgrade = std::get_if<bool>(&call.value);
    if (may_upgrade != nullptr && *may_upgrade && desk.actions.has_new_program())
        co_return co_await upgrade(desk, {});
    const auto report = co_await loop::answer_of<ReloadReport>(desk.loop, reload_timeout,
                                                               std::ref(desk.actions.reload));
    co_return report ? to_answer(*report) : takes_long("reload", reload_timeout);
}

Answer reopen(Desk& desk, const Call& /*call*/) {
    const auto done = desk.actions.reopen();
    if (done) return {.body = R"({"reopened":true})"};
    return refusal(500, base::to_string(done.error()));
}

constexpr std::array<string_view, 4> levels = {"error", "warning", "info", "debug"};

std::string level_object(log::Level level) {
    return fmt::format(R"({{"level":"{}"}})", levels[static_cast<std::size_t>(level)]);
}

Answer show_log(Desk& /*desk*/, const Call& /*call*/) {
    return {.body = level_object(log::level())};
}

Answer set_log(Desk& desk, const Call& call) {
    const auto place = std::ranges::find(levels, std::get<std::string>(call.value));
    const auto level = static_cast<log::Level>(place - levels.begin());
    desk.actions.set_log_level(level);
    return {.body = level_object(level)};
}

constexpr Body level_body{.member = "level",
                          .type = Body::Type::text,
                          .help = "The least urgent lines that are written, until the next reload.",
                          .example = R"({"level": "debug"})",
                          .values = levels};

Answer show_version(Desk& /*desk*/, const Call& /*call*/) {
    return {.body = R"({"version":")" BALLAST_VERSION R"("})"};
}

Answer show_generations(Desk& desk, const Call& call) {
    auto all = desk.actions.generations();
    for (auto& each : all) {
        if (desk.socket.empty()) break;
        if (&each == &all.front()) {
            each.socket = desk.socket;
            continue;
        }
        auto socket = socket_of_replaced(desk.socket, each.pid);
        if (::access(socket.c_str(), F_OK) == 0) each.socket = std::move(socket);
    }
    return list_answer("generations", all, call);
}

Answer show_nodes(Desk& desk, const Call& call) {
    return list_answer("nodes", desk.actions.nodes(), call);
}

Answer show_description(Desk& /*desk*/, const Call& /*call*/) {
    return {.body = openapi_document(all_routes())};
}

Answer show_metrics(Desk& desk, const Call& /*call*/) {
    return {.body = metrics_page(desk.actions.metrics()),
            .type = metrics::Exposition::content_type};
}

constexpr Body may_upgrade_body{.member = "upgrade",
                                .type = Body::Type::flag,
                                .help = "Upgrade instead if the installed program differs.",
                                .example = R"({"upgrade": true})",
                                .is_optional = true};

constexpr string_view upgrade_properties =
    R"("upgraded":{"type":"boolean"},"pid":{"type":"integer","description":"The process that serves now."})";
constexpr string_view reload_properties =
    R"("applied":{"type":"boolean"},"problems":{"type":"array","items":{"type":"string"}},)"
    R"("warnings":{"type":"array","items":{"type":"string"}},)"
    R"("needs_restart":{"type":"array","items":{"type":"string"},)"
    R"("description":"Changed settings that take effect at a restart."})";

std::string schema_of_level() { return object_schema(R"("level":{"type":"string"})"); }

const Route routes[] = {
    {.method = "GET",
     .path = "/openapi.json",
     .summary = "This description of the API (OpenAPI 3.1).",
     .handler = show_description,
     .schema = [] { return std::string(R"({"type":"object"})"); }},
    {.method = "GET",
     .path = "/v1/version",
     .summary = "The version of the program that serves.",
     .handler = show_version,
     .schema = [] { return object_schema(R"("version":{"type":"string"})"); }},
    {.method = "GET",
     .path = "/v1/generations",
     .summary = "The process that serves, and the replaced ones that still have sessions.",
     .handler = show_generations,
     .schema = [] { return list_schema<Generation>("generations"); },
     .parameters = list_parameters<Generation>,
     .list = "generations"},
    {.method = "GET",
     .path = "/v1/nodes",
     .summary = "The balancers that share a store, and whether each is heard of.",
     .handler = show_nodes,
     .schema = [] { return list_schema<NodeState>("nodes"); },
     .parameters = list_parameters<NodeState>},
    {.method = "GET",
     .path = "/v1/log",
     .summary = "The level of the log.",
     .handler = show_log,
     .schema = schema_of_level},
    {.method = "PUT",
     .path = "/v1/log",
     .summary = "Sets the level of the log until the next reload.",
     .handler = set_log,
     .schema = schema_of_level,
     .body = &level_body},
    {.method = "POST",
     .path = "/v1/reload",
     .summary = "Reads the configuration again. All of it takes effect, or nothing.",
     .handler = reload,
     .schema =
         [] {
             return object_schema(std::string(reload_properties) + ',' +
                                  std::string(upgrade_properties));
         },
     .body = &may_upgrade_body,
     .patience = upgrade_timeout + std::chrono::seconds(5)},
    {.method = "POST",
     .path = "/v1/upgrade",
     .summary = "Replaces this process with the installed program.",
     .handler = upgrade,
     .schema = [] { return object_schema(upgrade_properties); },
     .patience = upgrade_timeout + std::chrono::seconds(5)},
    {.method = "POST",
     .path = "/v1/reopen",
     .summary = "Opens the log files again, after logrotate has moved them.",
     .handler = reopen,
     .schema = [] { return object_schema(R"("reopened":{"type":"boolean"})"); }},
    {.method = "GET",
     .path = "/metrics",
     .summary = "Everything that is counted and measured, in Prometheus' text format.",
     .handler = show_metrics,
     .type = metrics::Exposition::content_type},
};

}  // namespace

std::span<const Route> process_routes() { return routes; }

}  // namespace ballast::admin
