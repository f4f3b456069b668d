// SPDX-License-Identifier: Apache-2.0
#include "session/limit_note.h"

#include "base/log.h"
#include "metrics/counters.h"

#include <fmt/format.h>

namespace ballast::session {

namespace {

using guard::Limit;
using metrics::Counter;

Counter counter_of(Limit limit) {
    switch (limit) {
        case Limit::sessions:
        case Limit::sessions_of_listener: return Counter::limit_sessions;
        case Limit::session_rate: return Counter::limit_session_rate;
        case Limit::memory: return Counter::limit_memory;
        case Limit::sessions_of_address: return Counter::limit_sessions_per_address;
        case Limit::session_rate_of_address: return Counter::limit_session_rate_per_address;
        case Limit::sessions_of_user: return Counter::limit_sessions_per_user;
        case Limit::banned_address:
        case Limit::banned_user: return Counter::refused_by_ban;
        case Limit::login_rate: return Counter::limit_login_rate;
        case Limit::login_rate_of_address: return Counter::limit_login_rate_per_address;
        case Limit::transfers: return Counter::limit_transfers;
    }
    std::terminate();
}

}  // namespace

void note_limit(const guard::Ledger& ledger, Limit limit, const config::Listener& listener,
                std::string_view client) {
    metrics::count(counter_of(limit));
    note_limit(guard::to_string(limit), ledger.setting_of(limit, listener), listener.name, client);
}

void note_limit(std::string_view limit, const guard::LimitSetting& setting,
                std::string_view listener, std::string_view client) {
    log::write_seldom(log::Level::warning, "a limit is reached", limit,
                      {{"limit", limit},
                       {"client", client},
                       {"listener", listener},
                       {"key", setting.key},
                       {"value", setting.value},
                       {"cure", setting.cure}});
}

void note_own_session(std::string_view client) {
    metrics::count(Counter::sessions_from_ourselves);
    log::write_seldom(log::Level::warning, "a backend leads back to this process", {},
                      {{"client", client}});
}

std::string refusal_text(Limit limit) {
    return fmt::format("Try again later: {}.", guard::to_string(limit));
}

}  // namespace ballast::session
