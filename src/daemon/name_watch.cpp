// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_watch.h"

#include "base/log.h"
#include "net/resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fmt/ranges.h>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace ballast::daemon {

namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr auto look_up_timeout = std::chrono::seconds(5);
/// How often pools are asked for names that are new: a file of backends may bring some.
constexpr auto longest_wait = std::chrono::seconds(1);

/// Why hosts could not be looked up, in an order of their own: that of the records may change.
using Problems = std::set<std::string>;

/// The name of a backend, and what was found when it was looked up last.
struct Name {
    Time due;
    std::map<std::string, std::vector<base::Ip>> hosts;  ///< several where there are SRV records
    Problems problems;
};

/// Names to look up, by the table that has them.
using Names = std::map<pool::BackendSettings, Name>;

struct Found {
    std::vector<pool::Target> targets;
    Problems problems;
};

base::Result<std::vector<net::Service>> services_of(const config::Backend& backend) {
    if (backend.srv.empty()) return std::vector{net::Service{backend.host, backend.port}};
    auto services = net::resolve_services(backend.srv, look_up_timeout);
    if (!services) return services;
    // RFC 2782: weight 0 is a very small chance beside others, and an equal one among its like.
    for (auto& service : *services) service.weight = std::max<std::uint16_t>(1, service.weight);
    return services;
}

/// A host that cannot be looked up keeps the addresses that it had, and holds up no other.
Found find_targets(const config::Backend& backend, Name& name) {
    const auto services = services_of(backend);
    if (!services) return {{}, {base::to_string(services.error())}};
    Found found;
    const auto before = std::exchange(name.hosts, {});
    for (const auto& service : *services) {
        const auto addresses = net::resolve(service.host, look_up_timeout);
        if (!addresses) found.problems.insert(base::to_string(addresses.error()));
        const auto known = before.find(service.host);
        auto& now = name.hosts[service.host];
        if (addresses)
            now = *addresses;
        else if (known != before.end())
            now = known->second;
        for (const auto& ip : now)
            found.targets.push_back({.address = {ip, service.port},
                                     .weight = service.weight,
                                     .priority = service.priority});
    }
    return found;
}

void look_up(pool::Pool& pool, const pool::BackendSettings& backend, Name& name) {
    auto found = find_targets(*backend, name);
    // Where nothing at all was found, what the pool knows of it stays.
    if (found.problems.empty() || !found.targets.empty()) pool.set_targets(backend, found.targets);
    const auto former = std::exchange(name.problems, std::move(found.problems));
    // It may stay so for long: it is said once.
    if (name.problems == former) return;
    const auto& said = backend->srv.empty() ? backend->host : backend->srv;
    if (name.problems.empty())
        log::info("a backend's name can be looked up again",
                  {{"pool", pool.config().name}, {"name", said}});
    else
        log::warning("a backend's name cannot be looked up, what was known of it stays",
                     {{"pool", pool.config().name},
                      {"name", said},
                      {"reason", fmt::format("{}", fmt::join(name.problems, "; "))}});
}

/// Looks up what is due, and says when the next is.
Time look_up_due(pool::Pool& pool, Names& names, const std::stop_token& stop) {
    Time next = Time::max();
    Names still;
    for (const auto& backend : pool.backends()) {
        if (backend->srv.empty() && base::Ip::parse(backend->host)) continue;
        auto& name = still[backend] = std::move(names[backend]);
        if (stop.stop_requested()) return next;
        if (name.due <= std::chrono::steady_clock::now()) {
            look_up(pool, backend, name);
            name.due = std::chrono::steady_clock::now() + pool.config().resolve_interval;
        }
        next = std::min(next, name.due);
    }
    names = std::move(still);
    return next;
}

void watch(const std::stop_token& stop, const std::vector<std::shared_ptr<pool::Pool>>& pools) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::vector<Names> names(pools.size());
    while (!stop.stop_requested()) {
        auto next = std::chrono::steady_clock::now() + longest_wait;
        for (std::size_t i = 0; i < pools.size(); ++i)
            next = std::min(next, look_up_due(*pools[i], names[i], stop));
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
