// SPDX-License-Identifier: Apache-2.0
#include "admin/list.h"
#include "admin/routes.h"
#include "admin/shapes.h"
#include "config/spelling.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace ballast::admin {

namespace {

using pool::AdminState;
using std::string_view;

Answer no_such_backend(Desk& desk, string_view pool, string_view backend) {
    std::vector<std::string> pools;
    std::vector<std::string> backends;
    const auto add = [](std::vector<std::string>& names, const std::string& name) {
        if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    };
    for (const auto& each : desk.actions.backends()) {
        add(pools, each.pool);
        if (each.pool == pool) add(backends, each.backend);
    }
    const auto listed = [](const std::vector<std::string>& names) {
        if (names.empty()) return std::string("no pool has one");
        return "use " + config::listed(std::vector<string_view>(names.begin(), names.end()));
    };
    if (backends.empty())
        return refusal(404, fmt::format("there is no pool {} with backends ({})",
                                        config::in_quotes(pool), listed(pools)));
    return refusal(404, fmt::format("pool {} has no backend {} ({})", config::in_quotes(pool),
                                    config::in_quotes(backend), listed(backends)));
}

/// The change is made already. An operator who relies on it over a restart must hear of a failure.
Answer not_kept(string_view reason) {
    return refusal(500, fmt::format("the state is changed, but a restart will lose it: {} (correct "
                                    "this and ask again)",
                                    reason));
}

Answer show_backends(Desk& desk, const Call& call) {
    return list_answer("backends", desk.actions.backends(), call);
}

Answer show_backend(Desk& desk, const Call& call) {
    auto states = desk.actions.backends();
    std::erase_if(states, [&](const BackendState& each) {
        return each.pool != call.names[0] || each.backend != call.names[1];
    });
    if (states.empty()) return no_such_backend(desk, call.names[0], call.names[1]);
    return page_answer("backends", states, {}, {});
}

Answer set_backend(Desk& desk, const Call& call) {
    const auto& pool = call.names[0];
    const auto& backend = call.names[1];
    const auto state = pool::admin_state_from(std::get<std::string>(call.value)).value();
    if (!desk.actions.administer(pool, backend, state)) return no_such_backend(desk, pool, backend);
    desk.actions.share_state(pool, backend, state);
    const auto problem = desk.states.set({pool, backend}, state);
    return problem.empty() ? show_backend(desk, call) : not_kept(problem);
}

constexpr std::uint64_t weight_max = 256;
constexpr std::uint64_t sessions_most = 1'000'000;

Answer tune(Desk& desk, const Call& call, Tuned what, std::uint64_t least, std::uint64_t most) {
    std::optional<std::uint32_t> value;
    if (const auto* const number = std::get_if<std::uint64_t>(&call.value)) {
        if (*number < least || *number > most)
            return refusal(400, fmt::format("{} is out of range (use {} to {}, or null for what "
                                            "the configuration says)",
                                            *number, least, most));
        value = static_cast<std::uint32_t>(*number);
    }
    if (!desk.actions.tune(call.names[0], call.names[1], what, value))
        return no_such_backend(desk, call.names[0], call.names[1]);
    return show_backend(desk, call);
}

Answer set_weight(Desk& desk, const Call& call) {
    return tune(desk, call, Tuned::weight, 0, weight_max);
}

Answer set_max_sessions(Desk& desk, const Call& call) {
    return tune(desk, call, Tuned::max_sessions, 0, sessions_most);
}

Answer probe_now(Desk& desk, const Call& call) {
    if (desk.actions.probe_now(call.names[0], call.names[1]))
        return {.body = R"({"probing":true})"};
    const auto shown = show_backend(desk, call);
    if (shown.status != 200) return no_such_backend(desk, call.names[0], call.names[1]);
    return refusal(409, fmt::format("{} has no probes (see [pool.{}.probe])",
                                    config::in_quotes(call.names[1]), call.names[0]));
}

Answer show_balancer(Desk& desk, const Call& /*call*/) {
    return {.body = json_of(desk.actions.balancer())};
}

Answer set_balancer(Desk& desk, const Call& call) {
    const auto state = pool::admin_state_from(std::get<std::string>(call.value)).value();
    desk.actions.administer_all(state);
    const auto problem = desk.states.set({}, state);
    return problem.empty() ? show_balancer(desk, call) : not_kept(problem);
}

constexpr Body backend_body{
    .member = "state",
    .type = Body::Type::text,
    .help =
        "\"drain\": no new sessions; \"drain-move\": sessions move to other backends, with "
        "their downloads, as far as the pool's failover allows; \"drain-idle\": idle ones end, "
        "too; \"disabled\": all end.",
    .example = R"({"state": "drain"})",
    .values = backend_states};
constexpr Body balancer_body{.member = "state",
                             .type = Body::Type::text,
                             .help =
                                 "\"drain\": no new sessions; \"drain-idle\": idle ones end, too; "
                                 "\"disabled\": all end.",
                             .example = R"({"state": "drain"})",
                             .values = balancer_states};

constexpr Body weight_body{.member = "weight",
                           .type = Body::Type::number_or_null,
                           .help =
                               "0 to 256; 0 means no new sessions, null what the "
                               "configuration says.",
                           .example = R"({"weight": 10})"};
constexpr Body max_sessions_body{.member = "max_sessions",
                                 .type = Body::Type::number_or_null,
                                 .help = "0 means no limit; null is what the configuration says.",
                                 .example = R"({"max_sessions": 100})"};

std::string schema_of_backends() { return list_schema<BackendState>("backends"); }

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/backends",
     .summary = "The backends of all pools, one entry for each address.",
     .handler = show_backends,
     .schema = schema_of_backends,
     .parameters = list_parameters<BackendState>,
     .list = "backends"},
    {.method = "GET",
     .path = "/v1/backends/{pool}/{backend}/state",
     .summary = "One backend, one entry for each of its addresses.",
     .handler = show_backend,
     .schema = schema_of_backends},
    {.method = "PUT",
     .path = "/v1/backends/{pool}/{backend}/state",
     .summary = "Drains, disables or readies a backend.",
     .handler = set_backend,
     .schema = schema_of_backends,
     .body = &backend_body},
    {.method = "PUT",
     .path = "/v1/backends/{pool}/{backend}/weight",
     .summary = "Sets a backend's weight until the process ends; reloads and upgrades keep it.",
     .handler = set_weight,
     .schema = schema_of_backends,
     .body = &weight_body},
    {.method = "PUT",
     .path = "/v1/backends/{pool}/{backend}/max_sessions",
     .summary = "Sets a backend's session limit in the same way. Existing sessions continue.",
     .handler = set_max_sessions,
     .schema = schema_of_backends,
     .body = &max_sessions_body},
    {.method = "POST",
     .path = "/v1/backends/{pool}/{backend}/probe",
     .summary = "Probes a backend now.",
     .handler = probe_now,
     .schema = [] { return object_schema(R"("probing":{"type":"boolean"})"); }},
    {.method = "GET",
     .path = "/v1/state",
     .summary = "Whether the whole balancer takes clients.",
     .handler = show_balancer,
     .schema = schema_of<BalancerState>},
    {.method = "PUT",
     .path = "/v1/state",
     .summary =
         "Drains, disables or readies the whole balancer. The states of backends do not change.",
     .handler = set_balancer,
     .schema = schema_of<BalancerState>,
     .body = &balancer_body},
};

}  // namespace

std::span<const Route> backend_routes() { return routes; }

}  // namespace ballast::admin
