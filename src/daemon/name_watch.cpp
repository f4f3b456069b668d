// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_watch.h"

#include "base/log.h"
#include "net/resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

namespace ballast::daemon {

namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr auto look_up_timeout = std::chrono::seconds(5);
/// How often pools are asked for names that are new: a file of backends may bring some.
constexpr auto longest_wait = std::chrono::seconds(1);

base::Result<std::vector<pool::Target>> targets_of(const config::Backend& backend) {
    std::vector<pool::Target> targets;
    const auto add = [&](const std::string& host, const pool::Target& like) -> base::Result<> {
        const auto found = net::resolve(host, look_up_timeout);
        if (!found) return std::unexpected(found.error());
        for (const auto& ip : *found) {
            targets.push_back(like);
            targets.back().address.ip = ip;
        }
        return {};
    };
    if (backend.srv.empty()) {
        if (const auto done = add(backend.host, {.address = {{}, backend.port}}); !done)
            return std::unexpected(done.error());
        return targets;
    }
    const auto services = net::resolve_services(backend.srv, look_up_timeout);
    if (!services) return std::unexpected(services.error());
    for (const auto& service : *services) {
        // RFC 2782: weight 0 is a very small chance beside others, and an equal one among its like.
        const pool::Target like{.address = {{}, service.port},
                                .weight = std::max<std::uint16_t>(1, service.weight),
                                .priority = service.priority};
        if (const auto done = add(service.host, like); !done) return std::unexpected(done.error());
    }
    return targets;
}

void look_up(pool::Pool& pool, const pool::BackendSettings& backend) {
    if (const auto found = targets_of(*backend))
        pool.set_targets(backend, *found);
    else
        log::warning("a backend's name cannot be looked up, what was known of it stays",
                     {{"pool", pool.config().name},
                      {"name", backend->srv.empty() ? backend->host : backend->srv},
                      {"reason", base::to_string(found.error())}});
}

/// When each name is to be looked up, by the table that has it.
using Due = std::map<pool::BackendSettings, Time>;

/// Looks up what is due, and says when the next is.
Time look_up_due(pool::Pool& pool, Due& due, const std::stop_token& stop) {
    Time next = Time::max();
    Due still;
    for (const auto& backend : pool.backends()) {
        if (backend->srv.empty() && base::Ip::parse(backend->host)) continue;
        auto& when = still[backend] = due[backend];
        if (stop.stop_requested()) return next;
        if (when <= std::chrono::steady_clock::now()) {
            look_up(pool, backend);
            when = std::chrono::steady_clock::now() + pool.config().resolve_interval;
        }
        next = std::min(next, when);
    }
    due = std::move(still);
    return next;
}

void watch(const std::stop_token& stop, const std::vector<std::shared_ptr<pool::Pool>>& pools) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::vector<Due> due(pools.size());
    while (!stop.stop_requested()) {
        auto next = std::chrono::steady_clock::now() + longest_wait;
        for (std::size_t i = 0; i < pools.size(); ++i)
            next = std::min(next, look_up_due(*pools[i], due[i], stop));
        std::unique_lock lock(mutex);
        wake.wait_until(lock, stop, next, [] { return false; });
    }
}

bool has_names(const config::Pool& pool) {
    return !pool.backends_file.empty() ||
           std::ranges::any_of(pool.backends, [](const config::Backend& backend) {
               return !backend.srv.empty() || !base::Ip::parse(backend.host);
           });
}

}  // namespace

NameWatch::NameWatch(const std::vector<std::shared_ptr<pool::Pool>>& pools) {
    std::vector<std::shared_ptr<pool::Pool>> with_names;
    std::ranges::copy_if(pools, std::back_inserter(with_names),
                         [](const auto& pool) { return has_names(pool->config()); });
    if (with_names.empty()) return;
    thread_ = std::jthread(
        [pools = std::move(with_names)](const std::stop_token& stop) { watch(stop, pools); });
}

}  // namespace ballast::daemon
