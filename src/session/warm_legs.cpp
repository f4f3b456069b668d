// SPDX-License-Identifier: Apache-2.0
#include "session/warm_legs.h"

#include "base/log.h"
#include "metrics/counters.h"

#include <algorithm>
#include <chrono>
#include <exception>

namespace ballast::session {

namespace {

using namespace std::chrono_literals;

constexpr auto renew_interval = 1s;

/// The shortest login timeouts of servers are a minute (FileZilla Server), and a client needs some
/// of it.
constexpr auto age_max = 45s;

/// How long a backend has rest that did not greet. Its probes find out what is wrong.
constexpr auto retry_time = 5s;

/// Whether sessions of the other contact can use a connection that was made with this one. A new
/// configuration has new settings.
bool is_same(const backend::Contact& a, const backend::Contact& b) {
    return a.address == b.address && a.settings == b.settings && a.backend == b.backend &&
           a.tls_client == b.tls_client;
}

}  // namespace

void WarmLegs::use(std::shared_ptr<const Pools> pools, std::uint32_t workers) {
    pools_ = std::move(pools);
    workers_ = std::max<std::uint32_t>(workers, 1);
    const bool is_wanted = std::ranges::any_of(
        pools_->all(), [](const ServedPool& served) { return served.settings->warm > 0; });
    if (!is_wanted) return clear();
    if (!keeping_.is_started()) keeping_ = loop::Job::start(keep());
    signal_.raise();
}

void WarmLegs::clear() {
    keeping_.cancel();
    backends_.clear();
}

loop::Task<> WarmLegs::keep() {
    for (;;) {
        try {
            renew();
        } catch (const std::exception& problem) {
            log::caught("warm connections are not renewed", problem);
        }
        (void)co_await signal_.wait(network_.loop().after(renew_interval));
    }
}

void WarmLegs::renew() {
    for (auto& [key, kept] : backends_) kept.is_wanted = false;
    for (const auto& served : pools_->all()) {
        const auto wanted = (served.settings->warm + workers_ - 1) / workers_;
        if (wanted == 0) continue;
        for (const auto& status : served.pool->status()) {
            if (!status.is_serving) continue;
            const auto& backend = status.backend;
            auto& kept = backends_[{served.pool.get(), backend.id}];
            kept.is_wanted = true;
            auto contact = served.contacts->contact(backend.settings, backend.id, backend.address);
            contact.is_warm = true;
            renew(kept, contact, wanted);
        }
    }
    std::erase_if(backends_, [](const auto& each) { return !each.second.is_wanted; });
}

void WarmLegs::renew(OfBackend& kept, const backend::Contact& contact, std::uint32_t wanted) {
    const auto now = network_.loop().now();
    std::erase_if(kept.all, [&](const auto& warm) {
        if (!is_same(warm->contact, contact)) return true;
        if (!warm->leg) {
            const bool has_failed = warm->connecting.is_done();
            if (has_failed) kept.retry_at = now + retry_time;
            return has_failed;
        }
        return now - warm->begun_at > age_max || !warm->leg->is_silent();
    });
    while (kept.all.size() < wanted && now >= kept.retry_at) {
        auto& warm = *kept.all.emplace_back(std::make_unique<Warm>(network_.loop(), contact));
        warm.connecting = loop::Job::start(connect(warm));
    }
}

/// If memory runs out, it has failed like an unreachable backend.
loop::Task<> WarmLegs::connect(Warm& warm) try {
    auto connected = co_await backend::Leg::connect(network_, warm.contact, false, warm.signal);
    if (connected) {
        warm.leg = std::move(*connected);
        (void)warm.leg->take_greeting();
    } else if (log::enabled(log::Level::debug)) {
        log::write(log::Level::debug, "no warm connection to a backend",
                   {{{"backend", base::to_string(warm.contact.address)},
                     {"reason", base::to_string(connected.error())}}});
    }
} catch (const std::exception& problem) {
    log::caught("warm connections are not renewed", problem);
}

std::unique_ptr<backend::Leg> WarmLegs::take(const backend::Contact& contact,
                                             const pool::Pool& pool, pool::BackendId id,
                                             loop::Signal& signal) {
    const auto found = backends_.find({&pool, id});
    if (found == backends_.end()) return nullptr;
    auto& all = found->second.all;
    for (auto warm = all.begin(); warm != all.end();) {
        const bool is_usable = (*warm)->leg && is_same((*warm)->contact, contact);
        if (!is_usable) {
            ++warm;
            continue;
        }
        auto leg = std::move((*warm)->leg);
        const bool is_silent = leg->is_silent();
        if (is_silent)
            leg->serve(contact, signal);
        else
            leg.reset();
        warm = all.erase(warm);
        signal_.raise();  // for another one
        if (!is_silent) continue;
        metrics::count(metrics::Counter::backend_connections_warm);
        return leg;
    }
    return nullptr;
}

}  // namespace ballast::session
