// SPDX-License-Identifier: Apache-2.0
// A session's FEAT: whose list the client is shown.
#include "base/ascii.h"
#include "session/feature_set.h"
#include "session/session.h"

#include <algorithm>

namespace ballast::session {

namespace {

/// Of the backends of this pool that the client may come to, as far as they were surveyed. Where
/// the pool knows already which one that is, of that one alone.
void add_surveys(const PoolAccess& pool, const base::Ip& client, Surveys& surveys) {
    if (const auto id = pool.pool->foresee(client)) {
        if (auto survey = pool.access->known(*id)->survey())
            return surveys.push_back(std::move(survey));
    }
    for (const auto& status : pool.pool->status())
        if (auto survey = pool.access->known(status.backend.id)->survey())
            surveys.push_back(std::move(survey));
}

}  // namespace

/// Before the log-in: of all backends that USER may still lead to.
Surveys Session::surveys_ahead() const {
    Surveys surveys;
    const auto client = client_.peer().ip;
    if (backend_) {
        add_surveys(*pool_, client, surveys);
        return surveys;
    }
    const auto names = pools_ahead(settings_,
                                   {.user = {},
                                    .address = client,
                                    .host = journal_.host(),
                                    .server_name = dialog_.server_name(),
                                    .certificate = certificate_subject_},
                                   client_.tls() != nullptr);
    for (const auto name : names) add_surveys(*surroundings_.pools.find(name), client, surveys);
    return surveys;
}

/// After the log-in: the session's own backend. A server that refused FEAT before the log-in is
/// asked again. Null: it is gone, and the client has been told.
loop::Task<std::shared_ptr<const backend::Survey>> Session::survey_own_backend() {
    if (auto survey = backend_->known().survey(); survey && survey->answers_feat) co_return survey;
    auto reply = co_await backend_->command("FEAT");
    if (!reply) {
        co_await lose_backend(reply.error());
        co_return nullptr;
    }
    if (reply->code == 421) {
        heed_farewell(*reply);
        co_await answer(std::move(*reply));
        co_return nullptr;
    }
    auto survey = std::make_shared<backend::Survey>();
    survey->features = ftp::Features::parse(reply->text);
    co_return survey;
}

loop::Task<> Session::answer_features() {
    Surveys surveys;
    if (dialog_.login() == Dialog::Login::done) {
        surveys.push_back(co_await survey_own_backend());
        if (!surveys.back()) co_return;
    } else {
        surveys = surveys_ahead();
    }
    Offer offer;
    offer.host = std::ranges::any_of(settings_.routes,
                                     [](const auto& route) { return !route.match.host.empty(); });
    offer.auth = dialog_.offers_auth();
    offer.prot = settings_.tls || dialog_.passes_through();
    offer.ccc = settings_.tls && settings_.tls->ccc;
    offer.active = !dialog_.passes_through() || settings_.plain;
    auto features = feature_set(surveys, offer);
    journal_.mark_in_force(features);
    for (const auto& verb : settings_.deny_commands) features.remove(base::upper(verb));
    co_await answer(ftp::make_reply(211, "Features:", features.to_lines(), "End"));
}

}  // namespace ballast::session
