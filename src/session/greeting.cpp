// SPDX-License-Identifier: Apache-2.0
#include "session/greeting.h"

#include "session/route.h"

#include <optional>
#include <string_view>

namespace ballast::session {

namespace {

/// The greeting of the first backend of this pool that has a known one. It comes from a survey,
/// because a session's greeting may contain details about its client.
std::optional<ftp::Reply> greeting_of(const ServedPool* pool) {
    if (pool == nullptr) return std::nullopt;
    for (const auto& status : pool->pool->status()) {
        const auto survey = pool->contacts->known(status.backend.id)->survey();
        if (survey && !survey->greeting.empty()) return ftp::Reply{220, survey->greeting};
    }
    return std::nullopt;
}

}  // namespace

ftp::Reply greeting(const config::Listener& listener, const Pools& pools) {
    if (listener.greeting != config::backend_greeting)
        return ftp::make_reply(220, listener.greeting);
    if (auto known = greeting_of(pools.find(listener.pool))) return std::move(*known);
    for (const auto name : pools_of(listener))
        if (auto known = greeting_of(pools.find(name))) return std::move(*known);
    return ftp::make_reply(220, config::default_greeting);
}

}  // namespace ballast::session
