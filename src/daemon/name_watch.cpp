// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_watch.h"

#include "base/log.h"
#include "net/resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace ballast::daemon {

namespace {

constexpr auto look_up_timeout = std::chrono::seconds(5);

/// One name of one pool.
struct Watched {
    std::shared_ptr<pool::Pool> pool;
    std::size_t index;
    std::chrono::steady_clock::time_point due;
};

void look_up(const Watched& watched) {
    const auto& host = watched.pool->config().backends[watched.index].host;
    const auto found = net::resolve(host, look_up_timeout);
    if (found)
        watched.pool->set_addresses(watched.index, *found);
    else
        log::warning("a backend's name cannot be looked up, what was known of it stays",
                     {{"pool", watched.pool->config().name},
                      {"name", host},
                      {"reason", base::to_string(found.error())}});
}

void watch(const std::stop_token& stop, std::vector<Watched> names) {
    std::mutex mutex;
    std::condition_variable_any wake;
    while (!stop.stop_requested()) {
        auto& next = *std::ranges::min_element(names, {}, &Watched::due);
        std::unique_lock lock(mutex);
        wake.wait_until(lock, stop, next.due, [] { return false; });
        if (stop.stop_requested()) return;
        look_up(next);
        next.due = std::chrono::steady_clock::now() + next.pool->config().resolve_interval;
    }
}

}  // namespace

NameWatch::NameWatch(const std::vector<std::shared_ptr<pool::Pool>>& pools) {
    std::vector<Watched> names;
    for (const auto& pool : pools)
        for (std::size_t i = 0; i < pool->config().backends.size(); ++i)
            if (!base::Ip::parse(pool->config().backends[i].host))
                names.push_back({pool, i, std::chrono::steady_clock::now()});
    if (names.empty()) return;
    thread_ = std::jthread([names = std::move(names)](const std::stop_token& stop) mutable {
        watch(stop, std::move(names));
    });
}

}  // namespace ballast::daemon
