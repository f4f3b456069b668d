// SPDX-License-Identifier: Apache-2.0
#include "session/admit.h"

#include "events/bus.h"
#include "guard/access_list.h"
#include "metrics/counters.h"
#include "session/limit_note.h"

#include <string_view>

namespace ballast::session {

namespace {

constexpr std::string_view drained_text =
    "Service not available: it takes no new sessions, try again later.";

void tell_beginning(Context& context) {
    const auto& around = context.surroundings;
    if (context.story.is_kept())
        context.story.note(
            context.now(), Fact::accepted,
            {base::to_string(context.client.peer()), context.settings.name,
             base::to_string(context.reached_address()),
             around.proxy ? base::to_string(*around.proxy) : std::string(), around.worker});
    if (events::is_wanted(events::Kind::session_began))
        events::publish(events::Kind::session_began,
                        {{"session", context.id},
                         {"listener", context.settings.name},
                         {"client", base::to_string(context.client.peer())}});
}

}  // namespace

loop::Task<bool> admit(Context& context) {
    const auto& client = context.client.peer();
    const bool hears_us = !context.surroundings.begins_with_tls;
    if (!guard::admits(context.settings, client.ip)) {
        metrics::count(metrics::Counter::sessions_not_admitted);
        const auto& listener = context.settings.name;
        const auto address = base::to_string(client);
        log::write_seldom(log::Level::info, "not admitted", listener,
                          {{"session", context.id}, {"client", address}, {"listener", listener}});
        if (hears_us)
            co_await context.answer(421, "Service not available: your address is not admitted.");
        co_return false;
    }
    if (context.comes_from_ourselves()) {
        note_own_session(base::to_string(client));
        if (hears_us) co_await context.answer(421, own_session_text);
        co_return false;
    }
    if (context.ledger().admits_none()) {
        metrics::count(metrics::Counter::sessions_not_admitted);
        log::write_seldom(log::Level::info, "turned away while the balancer drains",
                          context.settings.name,
                          {{"session", context.id},
                           {"client", base::to_string(client)},
                           {"listener", context.settings.name}});
        if (hears_us) co_await context.answer(421, drained_text);
        co_return false;
    }
    const auto limit =
        context.place.take(context.ledger(), context.settings, client.ip, context.now());
    if (limit) {
        context.reached(*limit);
        if (hears_us) co_await context.answer(421, refusal_text(*limit));
        co_return false;
    }
    context.lend_place();
    metrics::count(metrics::Counter::sessions_accepted);
    if (const auto& figures = context.surroundings.figures) ++figures->sessions_begun;
    context.report(log::Level::info, "session began",
                   {{"listener", context.settings.name},
                    {"local", base::to_string(context.reached_address())}});
    tell_beginning(context);
    co_return true;
}

}  // namespace ballast::session
