// SPDX-License-Identifier: Apache-2.0
#include "daemon/public_name_watch.h"

#include "base/log.h"
#include "net/resolver.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <expected>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ballast::daemon {

namespace {

constexpr config::Duration look_up_timeout = std::chrono::seconds(5);
/// How often to look up a name that has no address yet: until then PASV is answered with 425.
constexpr config::Duration first_interval = std::chrono::seconds(1);

/// An address of the name that PASV can announce, or why there is none. If there are several, keeps
/// the one announced before, whatever their order.
std::expected<base::Ip, std::string> look_up(const std::string& name,
                                             const std::optional<base::Ip>& former,
                                             const std::stop_token& stop) {
    auto found = net::resolve(name, look_up_timeout, stop);
    if (!found) return std::unexpected(base::to_string(found.error()));
    std::erase_if(*found, [](const base::Ip& ip) { return !ip.is_v4() || ip.is_any(); });
    if (found->empty()) return std::unexpected("it has no IPv4 address");
    if (former && std::ranges::find(*found, *former) != found->end()) return *former;
    return found->front();
}

/// Looks the name up and logs changes. `problem` is the last logged one, because it may last for
/// long.
void refresh(const std::string& name, session::PublicNames& names, std::string& problem,
             const std::stop_token& stop) {
    const auto former = names.find(name);
    const auto found = look_up(name, former, stop);
    if (stop.stop_requested()) return;
    const auto former_text = former ? base::to_string(*former) : std::string();
    const auto former_problem = std::exchange(problem, found ? std::string() : found.error());
    if (!found) {
        if (problem != former_problem)
            log::warning(former ? "public_address cannot be looked up, keeping its last address"
                                : "public_address cannot be looked up, PASV is refused",
                         {{"name", name}, {"address", former_text}, {"reason", problem}});
        return;
    }
    names.set(name, *found);
    if (found != former)
        log::info("public_address has a new address",
                  {{"name", name}, {"address", base::to_string(*found)}, {"former", former_text}});
    else if (!former_problem.empty())
        log::info("public_address can be looked up again",
                  {{"name", name}, {"address", former_text}});
}

void watch(const std::stop_token& stop, const std::string& name, config::Duration interval,
           session::PublicNames& names) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::string problem;
    while (!stop.stop_requested()) {
        try {
            refresh(name, names, problem, stop);
        } catch (const std::exception& problem_of_ours) {  // no memory
            log::caught("a name lookup failed", problem_of_ours);
        }
        const auto pause = names.find(name) ? interval : std::min(interval, first_interval);
        std::unique_lock lock(mutex);
        stopped.wait_for(lock, stop, pause, [] { return false; });
    }
}

}  // namespace

PublicNameWatch::PublicNameWatch(const config::Config& config, session::PublicNames& names) {
    // One lookup for all listeners, at the shortest of their intervals.
    std::map<std::string, config::Duration> intervals;
    for (const auto& listener : config.listeners) {
        for (const auto& rule : listener.public_address) {
            if (rule.name.empty()) continue;
            const auto known = intervals.try_emplace(rule.name, listener.resolve_interval).first;
            known->second = std::min(known->second, listener.resolve_interval);
        }
    }
    for (const auto& [name, interval] : intervals)
        threads_.emplace_back([name, interval, &names](const std::stop_token& stop) {
            watch(stop, name, interval, names);
        });
}

PublicNameWatch::~PublicNameWatch() {
    for (auto& thread : threads_) thread.request_stop();
}

}  // namespace ballast::daemon
