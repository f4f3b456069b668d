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

/// Names that are looked up side by side, so that one without an answer delays no other.
constexpr std::size_t names_at_once = 64;
constexpr std::size_t hosts_at_once = 8;
constexpr auto look_up_timeout = std::chrono::seconds(5);
/// How often pools are asked for names that are new: a file of backends may bring some.
constexpr auto longest_wait = std::chrono::seconds(1);

/// Why hosts could not be looked up, in an order of their own: that of the records may change.
using Problems = std::set<std::string>;

/// The name of a backend, and what was found when it was looked up last. While it is looked up, all
/// but `is_under_way` belongs to the thread that does it.
struct Name {
    Time due;
    std::atomic<bool> is_under_way = false;
    std::map<std::string, std::vector<base::Ip>> hosts;  ///< several where there are SRV records
    Problems problems;
    std::jthread thread;  // the last, because it is joined before what it uses is destroyed
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
    // RFC 2782: weight 0 is a very small chance beside others, and an equal one among its like.
    for (auto& service : *services) service.weight = std::max<std::uint16_t>(1, service.weight);
    return services;
}

using Answers = std::map<std::string, base::Result<std::vector<base::Ip>>>;

/// The hosts of SRV records, side by side.
Answers resolve_all(const std::vector<net::Service>& services, const std::stop_token& stop) {
    std::set<std::string> hosts;
    for (const auto& service : services) hosts.insert(service.host);
    Answers answers;
    for (auto next = hosts.begin(); next != hosts.end();) {
        std::vector<std::pair<std::string, std::future<Answers::mapped_type>>> some;
        for (; next != hosts.end() && some.size() < hosts_at_once; ++next)
            // Where no thread is to be had, it is done when it is asked for.
            some.emplace_back(
                *next,
                std::async(std::launch::async | std::launch::deferred, [host = *next, &stop] {
                    return net::resolve(host, look_up_timeout, stop);
                }));
        for (auto& [host, answer] : some) answers.emplace(host, answer.get());
    }
    return answers;
}

/// A host that cannot be looked up keeps the addresses that it had, and holds up no other.
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

/// How many names are looked up now.
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
    /// Until one has ended, or the time has come.
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

/// On a thread of its own, or here if there is none to be had.
void begin_look_up(const std::shared_ptr<pool::Pool>& pool, const pool::BackendSettings& backend,
                   Name& name, UnderWay& under_way) {
    const auto work = [pool, backend, &name, &under_way](const std::stop_token& stop) {
        try {
            look_up(*pool, backend, name, stop);
        } catch (const std::exception& problem) {
            log::caught("a look-up of a name was given up", problem);
        }
        name.due = std::chrono::steady_clock::now() + pool->config().resolve_interval;
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

/// Begins what is due, and says when the next is.
Time look_up_due(const std::shared_ptr<pool::Pool>& pool, Names& names, UnderWay& under_way) {
    Time next = Time::max();
    Names still;
    for (const auto& backend : pool->backends()) {
        if (backend->srv.empty() && base::Ip::parse(backend->host)) continue;
        auto& name = still[backend] = std::move(names[backend]);
        if (!name) name = std::make_unique<Name>();
    }
    // What is left are names that are gone. Each ends a look-up that is under way: all at once.
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
                log::caught("names of a pool are looked up later", problem);
            }
        }
        // Where all places are taken, the next one is free when one ends.
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
                         [](const auto& pool) { return has_names(pool->config()); });
    if (with_names.empty()) return;
    thread_ = std::jthread(
        [pools = std::move(with_names)](const std::stop_token& stop) { watch(stop, pools); });
}

}  // namespace ballast::daemon
