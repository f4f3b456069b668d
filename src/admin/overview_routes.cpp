// SPDX-License-Identifier: Apache-2.0
#include "admin/list.h"
#include "admin/routes.h"
#include "admin/shapes.h"
#include "base/number.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <string_view>

namespace ballast::admin {

namespace {

using std::string_view;

Answer show_listeners(Desk& desk, const Call& call) {
    return list_answer("listeners", desk.actions.listeners(), call);
}
Answer show_pools(Desk& desk, const Call& call) {
    return list_answer("pools", desk.actions.pools(), call);
}
Answer show_certificates(Desk& desk, const Call& call) {
    return list_answer("certificates", desk.actions.certificates(), call);
}
Answer show_limits(Desk& desk, const Call& call) {
    return list_answer("limits", desk.actions.limits(), call);
}
Answer show_probes(Desk& desk, const Call& call) {
    return list_answer("probes", desk.actions.probes(), call);
}
Answer show_surveys(Desk& desk, const Call& call) {
    return list_answer("surveys", desk.actions.surveys(), call);
}
Answer show_bans(Desk& desk, const Call& call) {
    return list_answer("bans", desk.actions.bans(), call);
}

string_view said(const Call& call, string_view key) {
    const auto found = call.query.find(key);
    return found == call.query.end() ? string_view() : string_view(found->second);
}

Answer no_address(string_view text) {
    return refusal(400, fmt::format("{} is not an IP address (write it as 192.0.2.7 or "
                                    "2001:db8::7)",
                                    config::in_quotes(text)));
}

Answer lift_ban(Desk& desk, const Call& call) {
    const auto client = base::Ip::parse(call.names[0]);
    if (!client) return no_address(call.names[0]);
    return {.body =
                fmt::format(R"({{"lifted":{}}})", desk.actions.unban(*client, said(call, "user")))};
}

Answer no_such_pool(Desk& desk, string_view name) {
    std::vector<std::string> names;
    for (const auto& each : desk.actions.pools()) names.push_back(each.name);
    return refusal(
        404, fmt::format("there is no pool {} (use {})", config::in_quotes(name),
                         config::listed(std::vector<string_view>(names.begin(), names.end()))));
}

Answer forget_stickiness(Desk& desk, const Call& call) {
    const auto text = said(call, "client");
    const auto client = base::Ip::parse(text);
    if (!text.empty() && !client) return no_address(text);
    const auto forgotten =
        desk.actions.forget_stickiness(call.names[0], client, said(call, "user"));
    if (forgotten) return {.body = fmt::format(R"({{"forgotten":{}}})", *forgotten)};
    return no_such_pool(desk, call.names[0]);
}

/// A client's address stands for its network.
Answer show_stickiness_of(Desk& desk, const Call& call, const base::Ip& client) {
    Call rest = call;
    rest.query.erase("client");
    std::vector<StickState> found;
    if (auto state = desk.actions.stickiness_of(call.names[0], client))
        found.push_back(std::move(*state));
    return list_answer("clients", found, rest);
}

/// A pool may remember very many. Each turn looks at some, and holds the pool's lock only so long.
loop::Task<Answer> show_stickiness(Desk& desk, Call call) {
    constexpr std::size_t looked_at_max = 256;
    const auto wish = wish_of(call, field_names<StickState>());
    if (!wish) co_return wish.error();
    const auto begin = wish->after.empty() ? 0 : base::parse_number<std::uint64_t>(wish->after);
    if (!begin) co_return refusal(400, "\"after\" is not the \"next\" of an answer");
    const auto& pool = call.names[0];
    auto slice = desk.actions.stickiness(pool, *begin, looked_at_max);
    if (!slice) co_return no_such_pool(desk, pool);
    if (const auto client = base::Ip::parse(said(call, "client")))
        co_return show_stickiness_of(desk, call, *client);
    std::vector<StickState> page;
    std::uint64_t last = *begin;
    loop::Signal turn(desk.loop);
    for (;;) {
        for (auto& [number, state] : slice->entries) {
            if (!wish->matches(state)) continue;
            if (page.size() == wish->limit)
                co_return page_answer("clients", page, wish->fields, std::to_string(last));
            page.push_back(std::move(state));
            last = number;
        }
        if (slice->next == 0) co_return page_answer("clients", page, wish->fields, {});
        turn.raise();
        (void)co_await turn.wait(loop::never);
        slice = desk.actions.stickiness(pool, slice->next, looked_at_max);
        // A reload has removed the pool meanwhile.
        if (!slice) co_return no_such_pool(desk, pool);
    }
}

Answer show_configuration(Desk& desk, const Call& /*call*/) {
    return {.body = desk.actions.configuration(), .type = "application/toml"};
}

Answer show_life(Desk& /*desk*/, const Call& /*call*/) { return {.body = R"({"alive":true})"}; }

Answer show_readiness(Desk& desk, const Call& /*call*/) {
    if (desk.actions.balancer().admin != pool::AdminState::ready)
        return refusal(503, "the balancer takes no clients: an operator has drained it");
    std::vector<std::string> serving;
    for (const auto& each : desk.actions.pools())
        if (each.can_serve) serving.push_back(each.name);
    if (serving.empty()) return refusal(503, "no pool can serve: see its backends");
    return {.body = R"({"ready":true,"pools":)" + json_of(serving) + "}"};
}

std::string schema_of_number(string_view name, string_view help) {
    return object_schema(
        fmt::format(R"("{}":{{"type":"integer","description":"{}"}})", name, help));
}

std::vector<Parameter> stickiness_parameters() {
    return {{"client", "This address, in a pool that sticks by network."},
            {"user", "This user, in a pool that sticks by user."}};
}

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/listeners",
     .summary = "The listeners.",
     .handler = show_listeners,
     .schema = [] { return list_schema<ListenerState>("listeners"); },
     .parameters = list_parameters<ListenerState>,
     .list = "listeners"},
    {.method = "GET",
     .path = "/v1/pools",
     .summary = "The pools.",
     .handler = show_pools,
     .schema = [] { return list_schema<PoolState>("pools"); },
     .parameters = list_parameters<PoolState>,
     .list = "pools"},
    {.method = "GET",
     .path = "/v1/pools/{pool}/stickiness",
     .summary = "The clients or users that return to a backend. `client` may be an address.",
     .handler = show_stickiness,
     .schema = [] { return list_schema<StickState>("clients"); },
     .parameters = list_parameters<StickState>,
     .list = "clients"},
    {.method = "DELETE",
     .path = "/v1/pools/{pool}/stickiness",
     .summary =
         "Forgets which backend a client, a user or everybody returns to. Sessions continue.",
     .handler = forget_stickiness,
     .schema = [] { return schema_of_number("forgotten", "How many clients."); },
     .parameters = stickiness_parameters},
    {.method = "GET",
     .path = "/v1/probes",
     .summary = "The latest probes of each backend, with the time of each step.",
     .handler = show_probes,
     .schema = [] { return list_schema<ProbeState>("probes"); },
     .parameters = list_parameters<ProbeState>,
     .list = "probes"},
    {.method = "GET",
     .path = "/v1/surveys",
     .summary = "What Ballast has learnt about each backend by asking it.",
     .handler = show_surveys,
     .schema = [] { return list_schema<SurveyState>("surveys"); },
     .parameters = list_parameters<SurveyState>,
     .list = "surveys"},
    {.method = "GET",
     .path = "/v1/certificates",
     .summary = "The certificates of listeners and backends, and how long they are valid.",
     .handler = show_certificates,
     .schema = [] { return list_schema<CertificateState>("certificates"); },
     .parameters = list_parameters<CertificateState>,
     .list = "certificates"},
    {.method = "GET",
     .path = "/v1/limits",
     .summary = "The limits in force, and how near they are.",
     .handler = show_limits,
     .schema = [] { return list_schema<LimitState>("limits"); },
     .parameters = list_parameters<LimitState>,
     .list = "limits"},
    {.method = "GET",
     .path = "/v1/bans",
     .summary = "Who is banned for failed logins.",
     .handler = show_bans,
     .schema = [] { return list_schema<BanState>("bans"); },
     .parameters = list_parameters<BanState>,
     .list = "bans"},
    {.method = "DELETE",
     .path = "/v1/bans/{client}",
     .summary = "Lifts the bans of an address, and forgets its failed logins.",
     .handler = lift_ban,
     .schema = [] { return schema_of_number("lifted", "How many bans."); },
     .parameters =
         [] {
             return std::vector<Parameter>{{"user", "Only those of this user at the address."}};
         }},
    {.method = "GET",
     .path = "/v1/configuration",
     .summary = "The configuration in force, with every setting. Secrets are in files, not here.",
     .handler = show_configuration,
     .type = "application/toml"},
    {.method = "GET",
     .path = "/livez",
     .summary = "Answers while the process lives.",
     .handler = show_life,
     .schema = [] { return object_schema(R"("alive":{"type":"boolean"})"); }},
    {.method = "GET",
     .path = "/readyz",
     .summary = "200 if at least one pool can serve, else 503.",
     .handler = show_readiness,
     .schema =
         [] {
             return object_schema(R"("ready":{"type":"boolean"},)"
                                  R"("pools":{"type":"array","items":{"type":"string"},)"
                                  R"("description":"Those that can serve."})");
         }},
};

}  // namespace

std::span<const Route> overview_routes() { return routes; }

}  // namespace ballast::admin
