// SPDX-License-Identifier: Apache-2.0
#include "admin/list.h"
#include "admin/routes.h"
#include "admin/session_facts.h"
#include "admin/shapes.h"
#include "config/spelling.h"

#include <fmt/format.h>
#include <utility>

namespace ballast::admin {

namespace {

Now now_of(const Desk& desk) { return {desk.loop.now(), std::chrono::system_clock::now()}; }

Answer no_such_session(std::string_view id) {
    return refusal(
        404, fmt::format("there is no session {} here (it may have ended)", config::in_quotes(id)));
}

Answer no_answer() {
    return refusal(503,
                   "a worker does not answer: the log says whether it is stuck. What was asked "
                   "may still happen");
}

/// One page of what `fact_of` makes of sessions, where it makes something.
template <Shaped S, typename FactOf>
loop::Task<Answer> page_of_sessions(Desk& desk, Call call, std::string_view name, FactOf fact_of) {
    const auto wish = wish_of(call, field_names<S>());
    if (!wish) co_return wish.error();
    // One more tells whether there is a further page.
    const auto views = co_await desk.actions.sessions(
        {.after = wish->after, .max = wish->limit + 1, .is_wanted = [&](const auto& view) {
             const std::optional<S> fact = fact_of(view);
             return fact && wish->matches(*fact);
         }});
    if (!views) co_return no_answer();
    std::vector<S> page;
    std::string next;
    for (const auto& view : *views) {
        if (page.size() == wish->limit) {
            next = (*views)[page.size() - 1].id;
            break;
        }
        page.push_back(*fact_of(view));
    }
    co_return page_answer(name, page, wish->fields, next);
}

loop::Task<Answer> show_sessions(Desk& desk, Call call) {
    return page_of_sessions<SessionState>(desk, std::move(call), "sessions",
                                          [now = now_of(desk)](const session::View& view) {
                                              return std::optional(state_of(view, now));
                                          });
}

loop::Task<Answer> show_transfers(Desk& desk, Call call) {
    return page_of_sessions<TransferState>(
        desk, std::move(call), "transfers",
        [now = now_of(desk)](const session::View& view) { return transfer_of(view, now); });
}

loop::Task<Answer> show_session(Desk& desk, Call call) {
    const auto view = co_await desk.actions.session(call.names[0]);
    if (!view)
        co_return view.error() == SessionActed::no_answer ? no_answer()
                                                          : no_such_session(call.names[0]);
    co_return Answer{.body = json_of(state_of(*view, now_of(desk)))};
}

loop::Task<Answer> end_session(Desk& desk, Call call) {
    const auto done = co_await desk.actions.act(call.names[0], SessionAct::end);
    if (done == SessionActed::no_session) co_return no_such_session(call.names[0]);
    if (done == SessionActed::no_answer) co_return no_answer();
    co_return Answer{.body = R"({"ended":true})"};
}

loop::Task<Answer> end_transfer(Desk& desk, Call call) {
    switch (co_await desk.actions.act(call.names[0], SessionAct::end_transfer)) {
        case SessionActed::no_session: co_return no_such_session(call.names[0]);
        case SessionActed::no_transfer:
            co_return refusal(409, fmt::format("session {} transfers nothing now",
                                               config::in_quotes(call.names[0])));
        case SessionActed::no_answer: co_return no_answer();
        case SessionActed::done: break;
    }
    co_return Answer{.body = R"({"ended":true})"};
}

std::string schema_of_ended() {
    return schema_with_node(object_schema(R"("ended":{"type":"boolean"})"));
}

const Route routes[] = {
    {.method = "GET",
     .path = "/v1/sessions",
     .summary = "The sessions of the process that serves, in the order of their ids.",
     .handler = show_sessions,
     .schema = [] { return list_schema<SessionState>("sessions"); },
     .parameters = list_parameters<SessionState>,
     .list = "sessions"},
    {.method = "GET",
     .path = "/v1/sessions/{session}",
     .summary = "One session.",
     .handler = show_session,
     .schema = [] { return schema_with_node(schema_of<SessionState>()); },
     .is_at_one_node = true},
    {.method = "DELETE",
     .path = "/v1/sessions/{session}",
     .summary = "Ends a session at once: a transfer breaks, and the client gets 421.",
     .handler = end_session,
     .schema = schema_of_ended,
     .is_at_one_node = true},
    {.method = "GET",
     .path = "/v1/transfers",
     .summary = "The transfers that run now.",
     .handler = show_transfers,
     .schema = [] { return list_schema<TransferState>("transfers"); },
     .parameters = list_parameters<TransferState>,
     .list = "transfers"},
    {.method = "DELETE",
     .path = "/v1/transfers/{session}",
     .summary = "Ends the transfer of a session: the client gets 426, and its session goes on.",
     .handler = end_transfer,
     .schema = schema_of_ended,
     .is_at_one_node = true},
};

}  // namespace

std::span<const Route> session_routes() { return routes; }

}  // namespace ballast::admin
