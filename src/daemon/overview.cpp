// SPDX-License-Identifier: Apache-2.0
#include "daemon/overview.h"

#include "base/address.h"
#include "base/ascii.h"
#include "config/load.h"
#include "config/words.h"
#include "daemon/memory.h"
#include "health/prober.h"
#include "metrics/counters.h"
#include "pool/pool.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <ranges>
#include <string_view>
#include <tuple>
#include <utility>

namespace ballast::daemon {

namespace {

using std::chrono::duration;
using std::chrono::steady_clock;
using std::chrono::system_clock;

std::vector<std::string> texts_of(const config::Listener& listener) {
    std::vector<std::string> all;
    const auto add = [&](const std::vector<base::Address>& addresses) {
        std::ranges::transform(addresses, std::back_inserter(all),
                               [](const auto& each) { return base::to_string(each); });
    };
    add(listener.bind);
    add(listener.implicit_bind);
    if (listener.tls) add(listener.tls->implicit_bind);
    return all;
}

std::vector<std::string> lines_of(const ftp::Features& features) {
    std::vector<std::string> all;
    const auto text = features.to_lines();
    for (const auto line : std::views::split(std::string_view(text), std::string_view("\r\n")))
        if (const auto label = base::trimmed(std::string_view(line)); !label.empty())
            all.emplace_back(label);
    return all;
}

admin::PoolState state_of(const session::ServedPool& served) {
    admin::PoolState state{
        .name = served.pool->name(),
        .balance = std::string(served.settings->balance->name),
        .failover = std::string(config::word_of(config::failovers, served.settings->failover)),
        .waiting = static_cast<std::uint32_t>(served.pool->waiting()),
        .queue_length = static_cast<std::uint32_t>(served.settings->queue.length),
        .stick_entries = static_cast<std::uint32_t>(served.pool->clients_remembered())};
    for (const auto& each : served.pool->status()) {
        ++state.backends;
        state.serving += each.is_serving ? 1 : 0;
        state.sessions += each.sessions;
        state.transfers += each.transfers;
        // An ejected backend still serves if no other can.
        state.can_serve |=
            each.is_serving || (each.is_ejected && each.health != pool::Health::down);
    }
    return state;
}

}  // namespace

void Overview::add_to(admin::Actions& actions) const {
    actions.listeners = [this] { return listeners(); };
    actions.pools = [this] { return pools(); };
    actions.bans = [this] { return bans(); };
    actions.certificates = [this] { return certificates(); };
    actions.limits = [this] { return limits(); };
    actions.probes = [this] { return probes(); };
    actions.surveys = [this] { return surveys(); };
    actions.configuration = [this] { return config::written_out(*serving_.config()); };
}

std::vector<admin::ListenerState> Overview::listeners() const {
    const auto use = ledger_.use();
    std::vector<admin::ListenerState> all;
    for (const auto& listener : serving_.config()->listeners) {
        const auto sessions = use.sessions_of_listeners.find(listener.name);
        all.push_back(
            {.name = listener.name,
             .addresses = texts_of(listener),
             .mode =
                 listener.mode == config::ListenerMode::passthrough ? "passthrough" : "terminate",
             .pool = listener.pool,
             .sessions = sessions == use.sessions_of_listeners.end() ? 0 : sessions->second,
             .max_sessions = listener.max_sessions});
    }
    return all;
}

std::vector<admin::PoolState> Overview::pools() const {
    std::vector<admin::PoolState> all;
    std::ranges::transform(serving_.pools().all(), std::back_inserter(all), state_of);
    return all;
}

std::vector<admin::BanState> Overview::bans() const {
    const auto now = steady_clock::now();
    const auto wall = system_clock::now();
    std::vector<admin::BanState> all;
    for (auto& ban : ledger_.bans(now)) {
        const auto left = ban.until - now;
        all.push_back({.client = std::move(ban.client),
                       .pool = std::move(ban.pool),
                       .user = std::move(ban.user),
                       .until = wall + std::chrono::duration_cast<system_clock::duration>(left),
                       .seconds_left = static_cast<std::uint64_t>(
                           std::chrono::ceil<std::chrono::seconds>(left).count())});
    }
    std::ranges::sort(all, {},
                      [](const auto& each) { return std::tie(each.client, each.pool, each.user); });
    return all;
}

std::vector<admin::CertificateState> Overview::certificates() const {
    std::vector<admin::CertificateState> all;
    for (const auto& [listener, expiry] : serving_.tls()->expiries())
        all.push_back({.listener = listener,
                       .pool = {},
                       .backend = {},
                       .file = expiry.file,
                       .is_ocsp = expiry.is_ocsp,
                       .days_left = expiry.days_left});
    for (const auto& survey : surveys())
        if (survey.certificate_days_left)
            all.push_back({.listener = {},
                           .pool = survey.pool,
                           .backend = survey.backend,
                           .file = {},
                           .days_left = *survey.certificate_days_left});
    return all;
}

std::vector<admin::LimitState> Overview::limits() const {
    const auto use = ledger_.use();
    const config::Listener none;
    std::vector<admin::LimitState> all;
    for (const auto& row : guard::all_limits()) {
        if (row.key.starts_with('.')) continue;
        admin::LimitState state{.key = std::string(row.key),
                                .listener = {},
                                .value = row.value(ledger_.rules(), none),
                                .in_use = {},
                                .reached = row.counter ? metrics::total(*row.counter) : 0};
        if (row.limit == guard::Limit::sessions) state.in_use = use.sessions;
        if (row.limit == guard::Limit::transfers) state.in_use = use.transfers;
        if (row.limit == guard::Limit::memory) state.in_use = memory_taken();
        all.push_back(std::move(state));
    }
    for (const auto& listener : serving_.config()->listeners) add_limits(listener, use, all);
    return all;
}

void Overview::add_limits(const config::Listener& listener, const guard::Ledger::Use& use,
                          std::vector<admin::LimitState>& to) const {
    for (const auto& row : guard::all_limits()) {
        if (!row.key.starts_with('.')) continue;
        admin::LimitState state{.key = ledger_.setting_of(row.limit, listener).key,
                                .listener = listener.name,
                                .value = row.value(ledger_.rules(), listener),
                                .in_use = {},
                                .reached = row.counter ? metrics::total(*row.counter) : 0};
        if (row.limit == guard::Limit::sessions_of_listener) {
            const auto sessions = use.sessions_of_listeners.find(listener.name);
            state.in_use = sessions == use.sessions_of_listeners.end() ? 0 : sessions->second;
        }
        to.push_back(std::move(state));
    }
}

std::vector<admin::ProbeState> Overview::probes() const {
    std::vector<admin::ProbeState> all;
    auto* const prober = serving_.prober();
    if (prober == nullptr) return all;
    for (const auto& history : prober->histories()) {
        for (const auto& probe : history.probes) {
            admin::ProbeState state{.pool = history.pool,
                                    .backend = history.backend.settings->name,
                                    .address = base::to_string(history.backend.address),
                                    .at = probe.at,
                                    .passed = probe.problem.empty(),
                                    .seconds = duration<double>(probe.took).count(),
                                    .reason = probe.problem,
                                    .steps = {}};
            for (const auto& step : probe.steps)
                state.steps.push_back(
                    {std::string(step.name), duration<double>(step.took).count()});
            all.push_back(std::move(state));
        }
    }
    return all;
}

std::vector<admin::SurveyState> Overview::surveys() const {
    std::vector<admin::SurveyState> all;
    for (const auto& served : serving_.pools().all()) {
        for (const auto& status : served.pool->status()) {
            const auto known = served.contacts->known(status.backend.id);
            const auto survey = known->survey();
            if (!survey) continue;
            admin::SurveyState state{.pool = served.pool->name(),
                                     .backend = status.backend.settings->name,
                                     .address = base::to_string(status.backend.address),
                                     .greeting = survey->greeting,
                                     .system = survey->system,
                                     .features = lines_of(survey->features),
                                     .certificate_days_left = survey->certificate_days_left,
                                     .prefers_pasv = known->prefers_pasv()};
            all.push_back(std::move(state));
        }
    }
    return all;
}

}  // namespace ballast::daemon
