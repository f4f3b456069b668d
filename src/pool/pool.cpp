// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include "balance/least_transfers.h"
#include "balance/round_robin.h"
#include "base/log.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ballast::pool {

namespace {

std::unique_ptr<balance::Policy> make_policy(config::Balance balance) {
    switch (balance) {
        case config::Balance::round_robin: return std::make_unique<balance::RoundRobin>();
        case config::Balance::least_transfers: return std::make_unique<balance::LeastTransfers>();
        case config::Balance::least_sessions:
        case config::Balance::least_bandwidth:
        case config::Balance::fastest:
        case config::Balance::random:
        case config::Balance::source_hash:
        case config::Balance::user_hash:
        case config::Balance::first: break;  // the file cannot say these yet
    }
    std::terminate();
}

/// FNV-1a: the same id on every machine and after every restart.
BackendId id_of(std::string_view name, std::string_view address) {
    BackendId hash = 0xcbf29ce484222325;
    const auto mix = [&](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    };
    mix(name);
    mix("@");
    mix(address);
    return hash;
}

}  // namespace

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::none_resolved: return "no backend has an address";
        case Refusal::all_down: return "all backends are down";
        case Refusal::all_full: return "all backends are full";
        case Refusal::all_tried: return "every backend was tried in vain";
    }
    return "?";
}

Seat::Seat(Seat&& other) noexcept
    : pool_(std::move(other.pool_)),
      backend_(std::move(other.backend_)),
      in_transfer_(std::exchange(other.in_transfer_, false)) {}

Seat& Seat::operator=(Seat&& other) noexcept {
    if (this == &other) return *this;
    give_back();
    pool_ = std::move(other.pool_);
    backend_ = std::move(other.backend_);
    in_transfer_ = std::exchange(other.in_transfer_, false);
    return *this;
}

Seat::~Seat() { give_back(); }

void Seat::give_back() {
    if (!pool_) return;
    pool_->leave(backend_.id, in_transfer_);
    in_transfer_ = false;
    pool_.reset();
}

void Seat::transfer_began() {
    assert(pool_ && !in_transfer_);
    in_transfer_ = true;
    pool_->count_transfer(backend_.id, true);
}

void Seat::transfer_ended() {
    if (!pool_ || !in_transfer_) return;
    in_transfer_ = false;
    pool_->count_transfer(backend_.id, false);
}

Pool::Pool(config::Pool config, HealthChanged health_changed)
    : config_(std::move(config)),
      health_changed_(std::move(health_changed)),
      policy_(make_policy(config_.balance)) {
    for (std::size_t i = 0; i < config_.backends.size(); ++i)
        if (const auto ip = base::Ip::parse(config_.backends[i].host)) set_addresses(i, {{*ip}});
}

void Pool::set_addresses(std::size_t index, std::span<const base::Ip> addresses) {
    const auto& configured = config_.backends.at(index);
    const std::lock_guard lock(mutex_);
    for (auto& entry : entries_)
        if (entry.backend.index == index) entry.gone = true;
    for (const auto& ip : addresses) {
        const base::Address address{ip, configured.port};
        const auto id = id_of(configured.name, base::to_string(address));
        if (Entry* const known = find(id)) {
            known->gone = false;
            continue;
        }
        // One literal address keeps the configured name; a name's addresses are told apart.
        const bool literal = base::Ip::parse(configured.host).has_value();
        const auto name = literal ? configured.name : configured.name + '/' + base::to_string(ip);
        entries_.push_back({{id, name, address, index},
                            Thresholds(config_.probe.rise, config_.probe.fall),
                            0,
                            0,
                            false});
    }
    std::erase_if(entries_, [](const Entry& entry) { return entry.gone && entry.sessions == 0; });
}

Pool::Entry* Pool::find(BackendId id) {
    const auto found = std::ranges::find(entries_, id, [](const Entry& e) { return e.backend.id; });
    return found == entries_.end() ? nullptr : &*found;
}

void Pool::add_ready(bool backup, std::span<const BackendId> tried, std::vector<Entry*>& ready) {
    for (auto& entry : entries_) {
        const auto& configured = config_.backends[entry.backend.index];
        if (configured.backup != backup || entry.gone) continue;
        if (entry.thresholds.health() == Health::down) continue;
        if (configured.max_sessions != 0 && entry.sessions >= configured.max_sessions) continue;
        if (std::ranges::find(tried, entry.backend.id) != tried.end()) continue;
        ready.push_back(&entry);
    }
}

Refusal Pool::why_none(std::span<const BackendId> tried) const {
    if (!tried.empty()) return Refusal::all_tried;
    bool any = false;
    for (const auto& entry : entries_) {
        if (entry.gone) continue;
        any = true;
        if (entry.thresholds.health() != Health::down) return Refusal::all_full;
    }
    return any ? Refusal::all_down : Refusal::none_resolved;
}

std::expected<Seat, Refusal> Pool::choose(const balance::Client& client,
                                          std::span<const BackendId> tried) {
    const std::lock_guard lock(mutex_);
    std::vector<Entry*> ready;
    add_ready(false, tried, ready);
    if (ready.empty()) add_ready(true, tried, ready);
    if (ready.empty()) return std::unexpected(why_none(tried));

    std::vector<balance::Candidate> candidates;
    candidates.reserve(ready.size());
    for (const Entry* entry : ready)
        candidates.push_back({entry->backend.id, config_.backends[entry->backend.index].weight,
                              entry->sessions, entry->transfers, 0, 0});
    Entry& chosen = *ready.at(policy_->pick(candidates, client));
    ++chosen.sessions;
    return Seat(shared_from_this(), chosen.backend);
}

void Pool::leave(BackendId id, bool in_transfer) {
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(id);
    assert(entry != nullptr && entry->sessions > 0);
    --entry->sessions;
    if (in_transfer) --entry->transfers;
    if (entry->gone && entry->sessions == 0)
        std::erase_if(entries_, [&](const Entry& e) { return e.backend.id == id; });
}

void Pool::count_transfer(BackendId id, bool began) {
    const std::lock_guard lock(mutex_);
    Entry* const entry = find(id);
    assert(entry != nullptr);
    entry->transfers += began ? 1U : -1U;
}

bool Pool::probe_passed(BackendId id) { return report(id, true, "probe passed"); }

void Pool::probe_failed(BackendId id, const std::string& reason) { report(id, false, reason); }

void Pool::observe_failure(BackendId id, const std::string& reason) {
    // Without a probe nothing would ever bring the backend up again.
    if (config_.probe.type == config::ProbeType::none) return;
    report(id, false, reason);
}

bool Pool::report(BackendId id, bool passed, const std::string& reason) {
    Backend backend;
    bool was_down = false;
    {
        const std::lock_guard lock(mutex_);
        Entry* const entry = find(id);
        if (entry == nullptr) return false;
        was_down = entry->thresholds.health() == Health::down;
        const bool changed = passed ? entry->thresholds.succeeded() : entry->thresholds.failed();
        if (!changed) return false;
        backend = entry->backend;
    }
    const auto level = passed ? log::Level::info : log::Level::warning;
    log::write(level, passed ? "backend up" : "backend down",
               {{"pool", config_.name},
                {"backend", backend.name},
                {"address", base::to_string(backend.address)},
                {"reason", reason}});
    if (health_changed_) health_changed_(backend, passed ? Health::up : Health::down);
    return passed && was_down;
}

std::vector<Pool::Status> Pool::status() const {
    const std::lock_guard lock(mutex_);
    std::vector<Status> result;
    for (const auto& entry : entries_)
        if (!entry.gone)
            result.push_back({entry.backend, entry.thresholds.health(), entry.sessions,
                              entry.transfers, config_.backends[entry.backend.index].backup});
    return result;
}

}  // namespace ballast::pool
