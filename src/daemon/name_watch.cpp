// SPDX-License-Identifier: Apache-2.0
#include "daemon/name_watch.h"

#include "base/log.h"
#include "net/resolver.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <fmt/ranges.h>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

namespace ballast::daemon {

namespace {

using Time = std::chrono::steady_clock::time_point;

/// Concurrent lookups, so that a name without an answer delays no other.
constexpr std::size_t names_at_once = 64;
constexpr std::size_t hosts_at_once = 8;
constexpr auto look_up_timeout = std::chrono::seconds(5);
/// How often to ask pools for new names: a backends file may add some.
constexpr auto longest_wait = std::chrono::seconds(1);

/// Why hosts could not be looked up. Sorted, because the order of the records may change.
using Problems = std::set<std::string>;

/// The name of a backend, and the result of its last lookup. During a lookup, all members but
/// `is_under_way` belong to the thread that looks it up.
struct Name {
    Time due;
    std::atomic<bool> is_under_way = false;
    std::map<std::string, std::vector<base::Ip>> hosts;  ///< several with SRV records
    Problems problems;
    std::jthread
        thread;  // last, so that it is joined before the members that it uses are destroyed
};

/// Names to look up, by the table that has them.
using Names = std::map<pool::BackendSettings, std::unique_ptr<Name>>;

struct Found {
    std::vector<pool::Target> targets;
    Problems problems;
};

base::Result<std::vector<net::Service>> services_of(const config::Backend& backend,
                                                    const std::stop_token& stop) {
    if (backend.srv.empty()) return std::vector{net::Service{backend.host, backend.port}};
    auto services = net::resolve_services(backend.srv, look_up_timeout, stop);
    if (!services) return services;
    // RFC 2782: weight 0 is a very small chance beside other weights, and an equal one among zeros.
    for (auto& service : *services) service.weight = std::max<std::uint16_t>(1, service.weight);
    return services;
}

using Answers = std::map<std::string, base::Result<std::vector<base::Ip>>>;

/// Looks up the hosts of SRV records concurrently.
Answers resolve_all(const std::vector<net::Service>& services, const std::stop_token& stop) {
    std::set<std::string> hosts;
    for (const auto& service : services) hosts.insert(service.host);
    Answers answers;
    for (auto next = hosts.begin(); next != hosts.end();) {
        std::vector<std::pair<std::string, std::future<Answers::mapped_type>>> some;
        for (; next != hosts.end() && some.size() < hosts_at_once; ++next)
            // Without a thread, `get` does the lookup.
            some.emplace_back(
                *next,
                std::async(std::launch::async | std::launch::deferred, [host = *next, &stop] {
                    return net::resolve(host, look_up_timeout, stop);
                }));
        for (auto& [host, answer] : some) answers.emplace(host, answer.get());
    }
    return answers;
}

/// A host that cannot be looked up keeps its old addresses and delays no other.
Found find_targets(const config::Backend& backend, Name& name, const std::stop_token& stop) {
    const auto services = services_of(backend, stop);
    if (!services) return {{}, {base::to_string(services.error())}};
    Found found;
    decltype(name.hosts) hosts;
    const auto answers = resolve_all(*services, stop);
    for (const auto& service : *services) {
        const auto& addresses = answers.at(service.host);
        if (!addresses) found.problems.insert(base::to_string(addresses.error()));
        const auto known = name.hosts.find(service.host);
        auto& now = hosts[service.host];
        if (addresses)
            now = *addresses;
        else if (known != name.hosts.end())
            now = known->second;
        for (const auto& ip : now)
            found.targets.push_back({.address = {ip, service.port},
                                     .weight = service.weight,
                                     .priority = service.priority});
    }
    name.hosts = std::move(hosts);
    return found;
}

void look_up(pool::Pool& pool, const pool::BackendSettings& backend, Name& name,
             const std::stop_token& stop) {
    auto found = find_targets(*backend, name, stop);
    if (stop.stop_requested()) return;
    // If nothing at all was found, the pool keeps what it knows.
    if (found.problems.empty() || !found.targets.empty()) pool.set_targets(backend, found.targets);
    const auto former = std::exchange(name.problems, std::move(found.problems));
    // The problem may last, so log it once.
    if (name.problems == former) return;
    const auto& said = backend->srv.empty() ? backend->host : backend->srv;
    if (name.problems.empty())
        log::info("a backend's name can be looked up again",
                  {{"pool", pool.name()}, {"name", said}});
    else
        log::warning("a backend's name cannot be looked up, keeping its old addresses",
                     {{"pool", pool.name()},
                      {"name", said},
                      {"reason", fmt::format("{}", fmt::join(name.problems, "; "))}});
}

/// How many lookups are running.
class UnderWay {
public:
    [[nodiscard]] bool is_full() const { return count_ >= names_at_once; }
    void begin() { ++count_; }
    void end() {
        {
            const std::lock_guard lock(mutex_);
            --count_;
        }
        ended_.notify_all();
    }
    /// Waits until a lookup ends or the time has come.
    void wait_until(Time time, const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        const auto before = count_.load();
        ended_.wait_until(lock, stop, time, [&] { return count_ < before; });
    }

private:
    std::mutex mutex_;
    std::condition_variable_any ended_;
    std::atomic<std::size_t> count_ = 0;
};

/// Looks a name up on its own thread, or here if no thread is available.
void begin_look_up(const std::shared_ptr<pool::Pool>& pool, const pool::BackendSettings& backend,
                   Name& name, UnderWay& under_way) {
    const auto work = [pool, backend, &name, &under_way](const std::stop_token& stop) {
        try {
            look_up(*pool, backend, name, stop);
        } catch (const std::exception& problem) {
            log::caught("a name lookup failed", problem);
        }
        name.due = std::chrono::steady_clock::now() + pool->settings()->resolve_interval;
        name.is_under_way = false;
        under_way.end();
    };
    name.is_under_way = true;
    under_way.begin();
    try {
        name.thread = std::jthread(work);
    } catch (const std::exception&) {  // no thread, or no memory for one
        work({});
    }
}

void request_stop(const Names& names) {
    for (const auto& [backend, name] : names)
        if (name) name->thread.request_stop();
}

/// Begins lookups that are due, and returns when the next one is.
Time look_up_due(const std::shared_ptr<pool::Pool>& pool, Names& names, UnderWay& under_way) {
    Time next = Time::max();
    Names still;
    for (const auto& backend : pool->backends()) {
        if (backend->srv.empty() && base::Ip::parse(backend->host)) continue;
        auto& name = still[backend] = std::move(names[backend]);
        if (!name) name = std::make_unique<Name>();
    }
    // Only names that are gone are left. Stop all their running lookups at once.
    request_stop(names);
    names = std::move(still);
    for (const auto& [backend, name] : names) {
        if (name->is_under_way) continue;
        if (name->due <= std::chrono::steady_clock::now() && !under_way.is_full())
            begin_look_up(pool, backend, *name, under_way);
        else
            next = std::min(next, name->due);
    }
    return next;
}

void watch(const std::stop_token& stop, const std::vector<std::shared_ptr<pool::Pool>>& pools) {
    UnderWay under_way;
    std::vector<Names> names(pools.size());
    while (!stop.stop_requested()) {
        auto next = std::chrono::steady_clock::now() + longest_wait;
        for (std::size_t i = 0; i < pools.size(); ++i) {
            try {
                next = std::min(next, look_up_due(pools[i], names[i], under_way));
            } catch (const std::exception& problem) {
                log::caught("names of a pool will be looked up later", problem);
            }
        }
        // If all places are taken, wait until a lookup ends.
        under_way.wait_until(under_way.is_full() ? Time::max() : next, stop);
    }
    std::ranges::for_each(names, request_stop);
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
                         [](const auto& pool) { return has_names(*pool->settings()); });
    if (with_names.empty()) return;
    thread_ = std::jthread(
        [pools = std::move(with_names)](const std::stop_token& stop) { watch(stop, pools); });
}

}  // namespace ballast::daemon
