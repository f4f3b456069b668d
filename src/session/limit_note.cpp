// SPDX-License-Identifier: Apache-2.0
#include "session/limit_note.h"

#include "base/log.h"
#include "metrics/counters.h"

#include <array>
#include <atomic>
#include <chrono>
#include <fmt/format.h>

namespace ballast::session {

namespace {

using guard::Limit;
using metrics::Counter;

constexpr std::size_t limit_count = static_cast<std::size_t>(Limit::transfers) + 1;

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
        case Limit::transfers: return Counter::limit_transfers;
    }
    std::terminate();
}

/// Whether the last line about it is a second old.
bool is_log_due(Limit limit) {
    using Clock = std::chrono::steady_clock;
    static std::array<std::atomic<Clock::rep>, limit_count> logged_at;
    auto& last = logged_at.at(static_cast<std::size_t>(limit));
    const auto now = Clock::now().time_since_epoch().count();
    auto before = last.load();
    const auto second = Clock::duration(std::chrono::seconds(1)).count();
    return now - before >= second && last.compare_exchange_strong(before, now);
}

}  // namespace

void note_limit(Limit limit, std::string_view client) {
    metrics::count(counter_of(limit));
    if (is_log_due(limit))
        log::warning("a limit is reached",
                     {{"limit", guard::to_string(limit)}, {"client", client}});
}

std::string refusal_text(Limit limit) {
    return fmt::format("Try again later: {}.", guard::to_string(limit));
}

}  // namespace ballast::session
