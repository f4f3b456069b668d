// SPDX-License-Identifier: Apache-2.0
#include "admin/api.h"

#include "admin/asked.h"
#include "admin/forward.h"
#include "admin/routes.h"
#include "admin/shape.h"
#include "admin/target.h"
#include "base/log.h"
#include "config/spelling.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <expected>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::admin {

namespace {

namespace json = boost::json;
using std::string_view;

/// Looking for a pattern takes time in proportion to its length.
constexpr std::size_t query_bytes_max = 1024;

bool is_at(const Route& route, const std::vector<std::string>& segments) {
    const auto pattern = segments_of(route.path).value();
    return std::ranges::equal(pattern, segments, [](const auto& wanted, const auto& segment) {
        return wanted.starts_with('{') || wanted == segment;
    });
}

/// The segments that the route leaves open.
std::vector<std::string> names_in(const std::vector<std::string>& segments, const Route& route) {
    const auto pattern = segments_of(route.path).value();
    std::vector<std::string> names;
    for (std::size_t i = 0; i < pattern.size(); ++i)
        if (pattern[i].starts_with('{')) names.push_back(segments[i]);
    return names;
}

Answer no_such_route(const Request& request) {
    std::vector<std::string> all;
    for (const auto& route : all_routes())
        all.push_back(fmt::format("{} {}", route.method, route.path));
    return refusal(404,
                   fmt::format("there is nothing at {} (use one of the routes)",
                               config::in_quotes(request.target)),
                   R"("routes":)" + json_of(all));
}

Answer wrong_method(const Request& request, const std::vector<string_view>& allowed) {
    auto answer =
        refusal(405, fmt::format("{} is not for {} (use {})", config::in_quotes(request.method),
                                 config::in_quotes(request.target), config::listed(allowed)));
    answer.allow = fmt::format("{}", fmt::join(allowed, ", "));
    return answer;
}

/// What is wrong with the query; empty: nothing.
std::optional<Answer> query_problem(const Call& call, const Route& route) {
    std::vector<std::string> known;
    if (route.parameters != nullptr)
        for (const auto& each : route.parameters()) known.push_back(each.name);
    for (const auto& [key, value] : call.query) {
        if (value.size() > query_bytes_max)
            return refusal(400, fmt::format("{} is longer than {} bytes (make it shorter)",
                                            config::in_quotes(key), query_bytes_max));
        if (std::ranges::find(known, key) != known.end()) continue;
        const auto use =
            known.empty()
                ? "use none"
                : "use " + config::listed(std::vector<string_view>(known.begin(), known.end()));
        return refusal(400, fmt::format("{} has no parameter {} ({})", route.path,
                                        config::in_quotes(key), use));
    }
    return std::nullopt;
}

using Value = decltype(Call::value);

/// The member as the route wants it; empty: it is of another type.
std::optional<Value> value_of(const json::value& member, Body::Type type) {
    switch (type) {
        case Body::Type::text:
            if (const auto* const text = member.if_string())
                return std::string(text->data(), text->size());
            break;
        case Body::Type::flag:
            if (const auto* const flag = member.if_bool()) return *flag;
            break;
        case Body::Type::number_or_null:
            if (member.is_null()) return nullptr;
            [[fallthrough]];
        case Body::Type::number:
            if (const auto* const number = member.if_int64(); number != nullptr && *number >= 0)
                return static_cast<std::uint64_t>(*number);
            break;
    }
    return std::nullopt;
}

std::expected<Value, Answer> body_of(const Request& request, const Route& route) {
    const auto refused = [](string_view what, string_view fix) {
        return std::unexpected(refusal(400, fmt::format("{} ({})", what, fix)));
    };
    if (route.body == nullptr) {
        if (request.body.empty()) return std::monostate{};
        return refused("the request has a body", "send it without one");
    }
    const auto& wanted = *route.body;
    if (request.body.empty() && wanted.is_optional) return std::monostate{};
    const auto send =
        fmt::format("send {}{}", wanted.example, wanted.is_optional ? ", or nothing" : "");
    boost::system::error_code error;
    const auto value = json::parse(request.body, error);
    if (error) return refused("the body is not JSON: " + error.message(), send);
    const auto* const object = value.if_object();
    const auto* const member = object != nullptr ? object->if_contains(wanted.member) : nullptr;
    auto result = member != nullptr ? value_of(*member, wanted.type) : std::nullopt;
    if (!result || object->size() != 1)
        return refused(
            fmt::format("the body is not an object with the member \"{}\" alone", wanted.member),
            send);
    const auto* const text = std::get_if<std::string>(&*result);
    if (text != nullptr && !wanted.values.empty() &&
        std::ranges::find(wanted.values, *text) == wanted.values.end())
        return refused(fmt::format("there is no {} {}", wanted.member, config::in_quotes(*text)),
                       "use " + config::listed(wanted.values));
    return std::move(*result);
}

}  // namespace

Api::Api(loop::Loop& loop, Actions actions, std::string state_file)
    : desk_{loop, std::move(actions), StateKeeper(std::move(state_file)), {}, {}} {}

void Api::restore() {
    const auto& states = desk_.states.states();
    if (states.balancer != pool::AdminState::ready) desk_.actions.administer_all(states.balancer);
    for (const auto& [name, state] : states.backends)
        (void)desk_.actions.administer(name.pool, name.backend, state);  // false: gone for now
}

void Api::note(const std::string& pool, const std::string& backend, pool::AdminState state) {
    (void)desk_.states.set({pool, backend}, state);
}

void Api::begin_history() { sampling_ = loop::Job::start(sample()); }

loop::Task<> Api::sample() {
    loop::Signal never_raised(desk_.loop);
    for (;;) {
        desk_.history.add(std::chrono::system_clock::now(), desk_.actions.balancer(),
                          desk_.actions.backends());
        (void)co_await never_raised.wait(desk_.loop.after(History::interval));
    }
}

/// A request that fits its route.
struct Api::Found {
    const Route* route;
    Call call;
    std::string node;  ///< that shall answer it; empty: the request names none
};

std::expected<Api::Found, Answer> Api::find(const Request& request) {
    const auto segments = segments_of(request.target);
    auto query = query_of(request.target);
    if (!segments || !query)
        return std::unexpected(
            refusal(400, fmt::format("{} is not a path (begin it with \"/\", and write each "
                                     "\"%\" of a name as \"%25\")",
                                     config::in_quotes(request.target))));
    const auto named = query->extract("node");
    std::vector<string_view> allowed;
    for (const auto& route : all_routes()) {
        if (!is_at(route, *segments)) continue;
        allowed.push_back(route.method);
        if (route.method != request.method) continue;
        Found found{.route = &route,
                    .call = {.names = names_in(*segments, route),
                             .query = std::move(*query),
                             .value = {},
                             .last_event_id = request.last_event_id,
                             .rights = request.rights},
                    .node = named ? named.mapped() : std::string()};
        if (auto problem = query_problem(found.call, route))
            return std::unexpected(std::move(*problem));
        auto value = body_of(request, route);
        if (!value) return std::unexpected(std::move(value.error()));
        found.call.value = std::move(*value);
        return found;
    }
    return std::unexpected(allowed.empty() ? no_such_route(request)
                                           : wrong_method(request, allowed));
}

loop::Task<Answer> Api::answer(Request request) {
    if (auto answer = file_answer(page_, request)) co_return std::move(*answer);
    auto found = find(request);
    if (!found) co_return std::move(found.error());
    const auto& route = *found->route;
    auto& [_, call, node] = *found;
    Asked asked{request.method, request.target, request.body,
                fmt::format("{} at {}", request.by, own_node(desk_))};
    if (node == all_nodes)
        co_return co_await ask_all_nodes(desk_, route, std::move(call), std::move(asked));
    if (!node.empty() && node != own_node(desk_)) {
        asked.target = target_with(request.target, call.query);
        co_return co_await ask_node(desk_, std::move(node), route, std::move(asked));
    }
    auto own = co_await answer_here(desk_, route, std::move(call));
    const bool may_be_elsewhere = node.empty() && route.is_at_one_node && own.status == 404;
    if (!may_be_elsewhere || !has_other_nodes(desk_)) co_return own;
    co_return co_await ask_where_it_is(desk_, route, std::move(asked), std::move(own));
}

loop::Task<std::string> Api::answer_node(std::string question) {
    auto asked = asked_from(question);
    if (!asked)
        co_return to_text(refusal(400,
                                  "the question is not understood (do both nodes run "
                                  "the same version?)"));
    const Request request{asked->method, asked->target, asked->body};
    auto found = find(request);
    if (found && found->route->type == stream_type) found = std::unexpected(no_such_route(request));
    const auto answer = found ? co_await answer_here(desk_, *found->route, std::move(found->call))
                              : std::move(found.error());
    if (request.method != "GET")
        log::write_each(
            log::Level::info, "an operator's request, by another node",
            {{"request", fmt::format("{} {}", request.method, config::in_quotes(request.target))},
             {"body", config::in_quotes(request.body)},
             {"by", config::in_quotes(asked->by)},
             {"status", std::uint64_t{answer.status}}});
    co_return to_text(answer);
}

}  // namespace ballast::admin
