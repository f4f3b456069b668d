// SPDX-License-Identifier: Apache-2.0
#include "daemon/metrics_source.h"

#include "backend/knowledge.h"
#include "base/address.h"
#include "daemon/memory.h"
#include "daemon/sizes.h"
#include "metrics/counters.h"
#include "pool/pool.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <sys/resource.h>
#include <sys/stat.h>

namespace ballast::daemon {

namespace {

using Snapshot = admin::MetricsSnapshot;

double unix_time() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now).count();
}

std::uint64_t open_descriptors() {
    const char* const folder = "/proc/self/fd";
    struct stat info{};
    // Linux 6.2 and newer tell the number; before, it is 0.
    if (::stat(folder, &info) == 0 && info.st_size > 0)
        return static_cast<std::uint64_t>(info.st_size);
    std::error_code error;
    std::uint64_t count = 0;
    for (auto entry = std::filesystem::directory_iterator(folder, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error))
        ++count;
    return count;
}

double cpu_seconds() {
    timespec time{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) return 0;
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

Snapshot::Backend backend_of(const pool::Pool::Status& status, const backend::Survey* survey) {
    return {
        .name = status.backend.settings->name,
        .address = base::to_string(status.backend.address),
        .health = status.health,
        .admin = status.admin,
        .is_ejected = status.is_ejected,
        .is_serving = status.is_serving,
        .sessions = status.sessions,
        .sessions_max = status.max_sessions,
        .weight = status.weight,
        .transfers = status.transfers,
        .certificate_expires_at = survey != nullptr ? survey->certificate_expires_at : std::nullopt,
        .figures = {status.traffic, &status.traffic->figures}};
}

}  // namespace

MetricsSource::MetricsSource(const Parts& parts)
    : parts_(parts), started_at_(unix_time()), reload_{.applied_at = started_at_} {}

void MetricsSource::reloaded(bool is_applied) {
    metrics::count(is_applied ? metrics::Counter::reloads : metrics::Counter::reloads_refused);
    reload_.was_applied = is_applied;
    if (is_applied) reload_.applied_at = unix_time();
}

Snapshot MetricsSource::look() const {
    Snapshot all;
    all.process = process();
    all.reload = reload_;
    all.state = parts_.operators.state();
    all.replaced = parts_.predecessor.generations();
    const auto load = parts_.operators.load();
    all.sessions = load.sessions;
    all.transfers = load.transfers;
    const auto config = parts_.serving.config();
    all.sessions_max = sessions_max(*config);
    all.transfers_max = config->limits.transfers;
    all.bans = parts_.ledger.ban_count(std::chrono::steady_clock::now());
    for (const auto& worker : parts_.workers)
        all.workers.push_back({worker->sessions(), worker->transfers(), worker->lag().read(),
                               std::chrono::duration<double>(worker->in_turn_for()).count()});
    all.listeners = listeners();
    all.certificates = certificates();
    all.pools = pools();
    add_replaced(all.pools);
    return all;
}

Snapshot::Process MetricsSource::process() const {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    return {.started_at = started_at_,
            .cpu_seconds = cpu_seconds(),
            .memory_bytes = memory_taken(),
            .descriptors = open_descriptors(),
            .descriptors_max = limit.rlim_cur};
}

std::vector<Snapshot::Listener> MetricsSource::listeners() const {
    const auto now = std::chrono::steady_clock::now();
    const auto sessions = parts_.ledger.use().sessions_of_listeners;
    std::vector<Snapshot::Listener> all;
    for (const auto& settings : parts_.serving.config()->listeners) {
        auto& listener = all.emplace_back();
        listener.name = settings.name;
        const auto own = sessions.find(settings.name);
        listener.sessions = own == sessions.end() ? 0 : own->second;
        const auto& figures = *parts_.serving.listener_figures().at(settings.name);
        listener.transfers = figures.transfers;
        listener.sessions_begun = figures.sessions_begun;
        if (!settings.lends_ports()) continue;
        const auto usage = parts_.ports.usage(settings.passive_ports, now);
        listener.ports = {usage.lent, usage.kept,
                          settings.passive_ports.size() - usage.lent - usage.kept};
    }
    return all;
}

std::vector<Snapshot::Certificate> MetricsSource::certificates() const {
    std::vector<Snapshot::Certificate> all;
    for (const auto& [listener, expiry] : parts_.serving.tls()->expiries())
        all.push_back({listener, expiry.file, expiry.at});
    return all;
}

std::vector<Snapshot::Pool> MetricsSource::pools() const {
    std::vector<Snapshot::Pool> all;
    for (const auto& served : parts_.serving.pools().all()) {
        auto& pool = all.emplace_back();
        pool.name = served.pool->name();
        pool.queued = served.pool->waiting();
        for (const auto& status : served.pool->status()) {
            const auto survey = served.contacts->known(status.backend.id)->survey();
            pool.backends.push_back(backend_of(status, survey.get()));
        }
    }
    return all;
}

/// The sessions and transfers that replaced processes have on the backends.
void MetricsSource::add_replaced(std::vector<Snapshot::Pool>& pools) const {
    for (const auto& former : parts_.predecessor.seats()) {
        const auto pool = std::ranges::find(pools, former.pool, &Snapshot::Pool::name);
        if (pool == pools.end()) continue;
        const auto backend = std::ranges::find_if(pool->backends, [&](const auto& each) {
            return each.name == former.backend && each.address == former.address;
        });
        if (backend == pool->backends.end()) continue;
        backend->sessions += former.sessions;
        backend->transfers += former.transfers;
    }
}

}  // namespace ballast::daemon
