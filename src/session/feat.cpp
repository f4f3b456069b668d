// SPDX-License-Identifier: Apache-2.0
#include "session/feat.h"

#include "base/ascii.h"
#include "session/feature_set.h"

#include <algorithm>
#include <vector>

namespace ballast::session {

namespace {

/// Adds the known surveys of the pool's backends that this client may get. If the pool can foresee
/// the backend, adds only that one's survey.
void add_surveys(const ServedPool& pool, const base::Ip& client, Surveys& surveys) {
    if (const auto id = pool.pool->foresee(client)) {
        if (auto survey = pool.contacts->known(*id)->survey())
            return surveys.push_back(std::move(survey));
    }
    for (const auto& status : pool.pool->status())
        if (auto survey = pool.contacts->known(status.backend.id)->survey())
            surveys.push_back(std::move(survey));
}

/// The session's pool. Before login: all pools that USER may still lead to.
std::vector<ServedPool> pools_of(const Context& context, const Login& login) {
    if (context.assignment) return {context.assignment.pool()};
    std::vector<ServedPool> pools;
    const auto names = pools_ahead(context.settings,
                                   {.user = {},
                                    .address = context.client.peer().ip,
                                    .host = login.host_said(),
                                    .server_name = context.dialog.server_name(),
                                    .certificate = context.identity.certificate},
                                   context.client.tls() != nullptr);
    pools.reserve(names.size());
    for (const auto name : names) pools.push_back(*context.surroundings.pools->find(name));
    return pools;
}

bool relays_data(const ServedPool& pool) { return pool.settings->data == config::DataPath::relay; }

/// After login: the survey of the session's own backend. A server that refused FEAT before login is
/// asked again. Null: the client has its reply.
loop::Task<std::shared_ptr<const backend::Survey>> survey_own_backend(Context& context,
                                                                      Failover& failover,
                                                                      const ftp::Command& command) {
    for (int losses = 0;;) {
        auto& leg = context.leg();
        if (auto survey = leg.known().survey(); survey && survey->answers_feat) co_return survey;
        auto reply = co_await leg.command("FEAT");
        if (auto lost = failover.loss_at(command, reply)) {
            if (co_await failover.survive_command(std::move(*lost), losses)) continue;
            co_return nullptr;
        }
        if (reply->code == 421) {
            context.heed_farewell(*reply);
            co_await context.answer(std::move(*reply));
            co_return nullptr;
        }
        auto survey = std::make_shared<backend::Survey>();
        survey->features = ftp::Features::parse(reply->text);
        co_return survey;
    }
}

}  // namespace

loop::Task<> answer_features(Context& context, const Login& login, Failover& failover,
                             ftp::Command command) {
    Surveys surveys;
    const auto pools = pools_of(context, login);
    if (context.is_logged_in()) {
        surveys.push_back(co_await survey_own_backend(context, failover, command));
        if (!surveys.back()) co_return;
    } else {
        for (const auto& pool : pools) add_surveys(pool, context.client.peer().ip, surveys);
    }
    const auto& settings = context.settings;
    const auto& dialog = context.dialog;
    Offer offer;
    offer.host = std::ranges::any_of(settings.routes,
                                     [](const auto& route) { return !route.match.host.empty(); });
    offer.auth = dialog.offers_auth();
    offer.prot = settings.tls || dialog.passes_through();
    offer.ccc = settings.tls && settings.tls->ccc;
    offer.active = !dialog.passes_through() || settings.plain;
    offer.relays = std::ranges::any_of(pools, relays_data);
    auto features = feature_set(surveys, offer);
    context.journal.mark_in_force(features);
    for (const auto& verb : settings.deny_commands) features.remove(base::upper(verb));
    co_await context.answer(ftp::make_reply(211, "Features:", features.to_lines(), "End"));
}

}  // namespace ballast::session
