// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include "base/log.h"
#include "base/subnet.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <tuple>
#include <utility>

namespace ballast::pool {

namespace {

/// FNV-1a: the same on every machine and after every restart.
class Hash {
public:
    Hash& mix(std::string_view text) {
        for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        return *this;
    }
    Hash& mix(const base::Ip& ip) {
        for (const auto byte : ip.bytes()) value_ = (value_ ^ byte) * 0x100000001b3;
        return mix(ip.is_v4() ? "4" : "6");
    }
    [[nodiscard]] std::uint64_t value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325;
};

BackendId id_of(std::string_view name, const base::Address& address) {
    return Hash().mix(name).mix("@").mix(base::to_string(address)).value();
}

std::uint64_t stick_key_of(const config::Stick& stick, const Client& client) {
    switch (stick.by) {
        case config::StickBy::none: return 0;
        case config::StickBy::network: {
            const auto bits = client.address.is_v4() ? stick.ipv4_prefix : stick.ipv6_prefix;
            return Hash()
                .mix(base::Subnet::around(client.address, static_cast<int>(bits)).first())
                .value();
        }
        case config::StickBy::user: return Hash().mix(client.user).value();
    }
    std::terminate();
}

/// Whether a table of a file is the same server as before.
bool is_same_server(const config::Backend& a, const config::Backend& b) {
    return a.name == b.name && a.host == b.host && a.srv == b.srv && a.port == b.port;
}

/// Weights are multiplied by this, so that a slow start has steps between 0 and 1.
constexpr double weight_scale = 256;

}  // namespace

std::string_view to_string(Refusal refusal) {
    switch (refusal) {
        case Refusal::none_resolved: return "no backend has an address";
        case Refusal::all_down: return "all backends are down";
        case Refusal::all_full: return "all backends are full";
        case Refusal::all_tried: return "every backend was tried in vain";
        case Refusal::stuck_down: return "this client's backend is down";
        case Refusal::waited_in_vain: return "all backends are full";
        case Refusal::queue_full: return "all backends are full, and so is the queue";
    }
    return "?";
}

Pool::Pool(config::Pool config, Clock clock, std::uint64_t seed)
    : config_(std::move(config)),
      clock_(std::move(clock)),
      policy_(config_.balance->make({config_.hash_load_percent, seed})),
      stick_table_(config_.stick.timeout, config_.stick.entries_max),
      queue_(config_.queue.length) {
    for (const auto& backend : config_.backends)
        backends_.push_back(std::make_shared<const config::Backend>(backend));
    configured_count_ = backends_.size();
    for (const auto& backend : backends())
        if (const auto ip = base::Ip::parse(backend->host))
            set_targets(backend, {{Target{{*ip, backend->port}}}});
}

std::vector<BackendSettings> Pool::backends() const {
    const std::lock_guard lock(mutex_);
    return backends_;
}

void Pool::set_file_backends(std::vector<BackendSettings> backends) {
    std::vector<BackendSettings> literal;
    {
        const std::lock_guard lock(mutex_);
        backends_.resize(configured_count_);
        for (auto& entry : entries_) {
            if (entry.order < configured_count_) continue;
            const auto same = std::ranges::find_if(backends, [&](const auto& each) {
                return is_same_server(*each, *entry.backend.settings);
            });
            entry.gone = entry.gone || same == backends.end();
            if (same == backends.end()) continue;
            entry.backend.settings = *same;
            entry.order = configured_count_ + static_cast<std::size_t>(same - backends.begin());
        }
        for (auto& backend : backends) {
            if (base::Ip::parse(backend->host)) literal.push_back(backend);
            backends_.push_back(std::move(backend));
        }
        forget_empty();
        sort_entries();
    }
    for (const auto& backend : literal)
        set_targets(backend, {{Target{{base::Ip::parse(backend->host).value(), backend->port}}}});
    tick();
}

void Pool::set_targets(const BackendSettings& backend, std::span<const Target> targets) {
    Queue::Served served;
    {
        const std::lock_guard lock(mutex_);
        const auto place = std::ranges::find(backends_, backend);
        // The file may have changed while the name was looked up.
        if (place == backends_.end()) return;
        const auto order = static_cast<std::size_t>(place - backends_.begin());
        for (auto& entry : entries_)
            if (entry.order == order) entry.gone = true;
        for (const auto& target : targets) {
            const auto id = id_of(backend->name, target.address);
            if (Entry* const known = find(id)) {
                known->gone = false;
                known->order = order;
                known->target = target;
                known->backend.settings = backend;
                continue;
            }
            // One literal address keeps the configured name; a name's addresses are told apart.
            const bool is_literal = base::Ip::parse(backend->host).has_value();
            const auto& where = target.address;
            auto name = backend->name;
            if (!is_literal) {
                name += '/';
                name += backend->srv.empty() ? base::to_string(where.ip) : base::to_string(where);
            }
            entries_.push_back({.backend = {id, std::move(name), where, backend},
                                .order = order,
                                .target = target,
                                .thresholds = Thresholds(config_.probe.rise, config_.probe.fall),
                                .outlier = Outlier(config_.observe),
                                .byte_rate = {},
                                .login_time = {}});
        }
        forget_empty();
        sort_entries();
        served = serve_queue(clock_());
    }
    Queue::wake(served);
}

void Pool::forget_empty() {
    std::erase_if(entries_, [](const Entry& entry) {
        return entry.gone && entry.sessions == 0 && entry.traffic->transfers == 0;
    });
}

void Pool::sort_entries() {
    std::ranges::sort(entries_, {}, [](const Entry& entry) {
        return std::tuple(entry.order, entry.target.priority, entry.backend.address);
    });
}

const Pool::Entry* Pool::find(BackendId id) const {
    const auto found = std::ranges::find(entries_, id, [](const Entry& e) { return e.backend.id; });
    return found == entries_.end() ? nullptr : &*found;
}

Pool::Entry* Pool::find(BackendId id) {
    return const_cast<Entry*>(std::as_const(*this).find(id));  // NOLINT(*-const-cast)
}

// Choosing

Asker Pool::asker(const Client& client, std::span<const BackendId> tried) const {
    return {{Hash().mix(client.address).value(), Hash().mix(client.user).value()},
            stick_key_of(config_.stick, client),
            {tried.begin(), tried.end()}};
}

/// A backend that rose has a growing part of its weight and of its sessions, between 0 and 1.
double Pool::share_risen(const Entry& entry, loop::Time now) const {
    if (config_.slow_start.count() == 0 || entry.risen_at == loop::Time{}) return 1;
    const std::chrono::duration<double> since = now - entry.risen_at;
    return std::clamp(since / config_.slow_start, 0.0, 1.0);
}

bool Pool::has_room(const Entry& entry, loop::Time now) const {
    const auto max = entry.backend.settings->max_sessions;
    if (max == 0) return true;
    const auto risen = std::ceil(max * share_risen(entry, now));
    return entry.sessions < std::max(1U, static_cast<std::uint32_t>(risen));
}

/// All that matters but room and ejection.
bool Pool::is_usable(const Entry& entry, const Asker& asker) const {
    return !entry.gone && entry.thresholds.health() != Health::down &&
           std::ranges::find(asker.tried, entry.backend.id) == asker.tried.end();
}

balance::Candidate Pool::candidate(Entry& entry, loop::Time now) const {
    const auto& settings = *entry.backend.settings;
    const auto weight =
        entry.target.weight != 0 && !settings.has_weight ? entry.target.weight : settings.weight;
    const auto risen = std::round(weight * weight_scale * share_risen(entry, now));
    return {.id = entry.backend.id,
            .weight = std::max(1U, static_cast<std::uint32_t>(risen)),
            .sessions = entry.sessions,
            .transfers = entry.traffic->transfers,
            .bytes_per_second = entry.byte_rate.update(entry.traffic->bytes, now),
            .login_microseconds = static_cast<std::uint64_t>(entry.login_time.at(now).count())};
}

/// The best of the first tier that has anyone: no backup before the others, and the lowest priority
/// of SRV records first.
Pool::Entry* Pool::pick(const Asker& asker, loop::Time now, bool spares_ejected) {
    std::vector<Entry*> ready;
    const auto tier = [](const Entry& entry) {
        return std::pair(entry.backend.settings->backup, entry.target.priority);
    };
    for (auto& entry : entries_) {
        if (!is_usable(entry, asker) || !has_room(entry, now)) continue;
        if (spares_ejected && entry.outlier.is_ejected(now)) continue;
        if (!ready.empty() && tier(entry) > tier(*ready.front())) continue;
        if (!ready.empty() && tier(entry) < tier(*ready.front())) ready.clear();
        ready.push_back(&entry);
    }
    if (ready.empty()) return nullptr;
    std::vector<balance::Candidate> candidates;
    candidates.reserve(ready.size());
    for (Entry* const entry : ready) candidates.push_back(candidate(*entry, now));
    return ready.at(policy_->pick(candidates, asker.client));
}

/// Whether one that is merely full is to be waited for, rather than to be sent to an ejected one.
bool Pool::is_worth_waiting(const Asker& asker, loop::Time now) const {
    return config_.queue.length > 0 && std::ranges::any_of(entries_, [&](const Entry& entry) {
               return is_usable(entry, asker) && !entry.outlier.is_ejected(now);
           });
}

Refusal Pool::why_none(const Asker& asker) const {
    bool any = false;
    bool any_up = false;
    for (const auto& entry : entries_) {
        if (entry.gone) continue;
        any = true;
        if (entry.thresholds.health() == Health::down) continue;
        any_up = true;
        // It is not tried and not down, and was not chosen.
        if (is_usable(entry, asker)) return Refusal::all_full;
    }
    if (any_up) return Refusal::all_tried;
    return any ? Refusal::all_down : Refusal::none_resolved;
}

/// The backend that the client sticks to. One that is gone for good cannot be waited for.
std::optional<Pool::Bound> Pool::bound_of(const Asker& asker, loop::Time now) {
    if (config_.stick.by == config::StickBy::none) return std::nullopt;
    const auto bound = stick_table_.find(asker.stick_key, now);
    Entry* const entry = bound ? find(bound->backend) : nullptr;
    if (entry == nullptr || entry->gone) return std::nullopt;
    return Bound{entry, bound->has_logged_in};
}

/// That backend; null if there is none, or another may be chosen.
std::expected<Pool::Entry*, Refusal> Pool::stuck(const Asker& asker, loop::Time now) {
    const auto bound = bound_of(asker, now);
    if (!bound) return nullptr;
    Entry* const entry = bound->entry;
    const bool serves = is_usable(*entry, asker) && !entry->outlier.is_ejected(now);
    if (serves && has_room(*entry, now)) return entry;
    if (config_.stick.otherwise == config::StickOtherwise::choose) return nullptr;
    if (serves) return std::unexpected(Refusal::all_full);
    // The client has stored nothing on a backend where it never logged in.
    if (!bound->has_logged_in) return nullptr;
    return std::unexpected(Refusal::stuck_down);
}

std::expected<Seat, Refusal> Pool::try_choose(const Asker& asker, loop::Time now) {
    const auto bound = stuck(asker, now);
    if (!bound) return std::unexpected(bound.error());
    if (*bound != nullptr) return seat_at(**bound, asker, now);
    Entry* chosen = pick(asker, now, true);
    if (chosen == nullptr && is_worth_waiting(asker, now))
        return std::unexpected(Refusal::all_full);
    // Ejections never empty a pool.
    if (chosen == nullptr) chosen = pick(asker, now, false);
    if (chosen == nullptr) return std::unexpected(why_none(asker));
    return seat_at(*chosen, asker, now);
}

Seat Pool::seat_at(Entry& entry, const Asker& asker, loop::Time now) {
    ++entry.sessions;
    if (config_.stick.by != config::StickBy::none)
        stick_table_.attempt_began(asker.stick_key, entry.backend.id, now);
    return {shared_from_this(), entry.backend, entry.traffic, asker.stick_key};
}

Queue::Served Pool::serve_queue(loop::Time now) {
    // Each choice asks: it must cost nothing while nobody waits, and little while nothing is free.
    const auto is_free = [&](const Entry& entry) {
        return !entry.gone && entry.thresholds.health() != Health::down && has_room(entry, now);
    };
    if (queue_.size() == 0 || std::ranges::none_of(entries_, is_free)) return {};
    return queue_.serve([&](const Asker& asker) -> std::optional<Seat> {
        const auto could = [&](const Entry& entry) {
            return is_usable(entry, asker) && has_room(entry, now);
        };
        if (std::ranges::none_of(entries_, could)) return std::nullopt;
        auto seat = try_choose(asker, now);
        if (!seat) return std::nullopt;
        return std::move(*seat);
    });
}

std::expected<Seat, Refusal> Pool::choose(const Client& client, std::span<const BackendId> tried) {
    const auto who = asker(client, tried);
    const auto now = clock_();
    Queue::Served served;
    std::expected<Seat, Refusal> seat;
    {
        const std::lock_guard lock(mutex_);
        // What time has made free belongs to those who wait.
        served = serve_queue(now);
        seat = try_choose(who, now);
    }
    Queue::wake(served);
    return seat;
}

std::optional<BackendId> Pool::foresee(const base::Ip& address) {
    using config::StickBy;
    const bool is_hashed = config_.balance->decided_by == balance::DecidedBy::source;
    if (config_.stick.by == StickBy::user || (config_.stick.by == StickBy::none && !is_hashed))
        return std::nullopt;
    const auto who = asker({address, {}}, {});
    const auto now = clock_();
    const std::lock_guard lock(mutex_);
    auto chosen = stuck(who, now);
    if (chosen && *chosen == nullptr && is_hashed) chosen = pick(who, now, true);
    if (!chosen || *chosen == nullptr) return std::nullopt;
    return (*chosen)->backend.id;
}

std::expected<Place, Refusal> Pool::join_queue(const Client& client, std::vector<BackendId> tried,
                                               loop::Signal& signal) {
    auto waiter = std::make_shared<Waiter>(asker(client, tried), signal);
    const auto now = clock_();
    Queue::Served served;
    std::optional<Refusal> refusal;
    Recalls recalls;
    {
        const std::lock_guard lock(mutex_);
        served = serve_queue(now);
        const auto why_not_wait = [&](Refusal why_no_seat) -> std::optional<Refusal> {
            if (why_no_seat != Refusal::all_full) return why_no_seat;
            // For each that was recalled one may wait: it will not be for long.
            if (recall_for(waiter->asker, now, recalls) || recalled_ > queue_.size())
                return std::nullopt;
            if (config_.queue.length == 0) return Refusal::all_full;
            if (queue_.is_full()) return Refusal::queue_full;
            return std::nullopt;
        };
        if (auto seat = try_choose(waiter->asker, now))
            waiter->seat = std::move(*seat);
        else if (refusal = why_not_wait(seat.error()); !refusal)
            queue_.join(waiter);
    }
    call(recalls);
    Queue::wake(served);
    if (refusal) return std::unexpected(*refusal);
    return Place(shared_from_this(), std::move(waiter));
}

std::optional<Seat> Pool::leave_queue(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    queue_.leave(waiter);
    return std::exchange(waiter.seat, std::nullopt);
}

std::optional<Seat> Pool::take_seat(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiter.seat, std::nullopt);
}

// Loans

std::uint64_t Pool::lend(BackendId backend, std::shared_ptr<loop::Recall> recall,
                         const base::Ip& holder) {
    const auto now = clock_();
    const std::lock_guard lock(mutex_);
    loans_.emplace(++loans_ever_, Loan{backend, std::move(recall), holder, now});
    ++loans_of_holders_[holder];
    return loans_ever_;
}

bool Pool::end_loan(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    const auto loan = loans_.find(number);
    const bool was_recalled = loan->second.is_recalled;
    forget(loan);
    return !was_recalled;
}

void Pool::forget(Loans::iterator loan) {
    if (loan->second.is_recalled) --recalled_;
    const auto of_holder = loans_of_holders_.find(loan->second.holder);
    if (--of_holder->second == 0) loans_of_holders_.erase(of_holder);
    loans_.erase(loan);
}

/// Asks for one seat back that this client could use. False: none is on loan.
bool Pool::recall_for(const Asker& asker, loop::Time lent_until, Recalls& recalls) {
    const auto now = clock_();
    const bool may_choose = config_.stick.otherwise == config::StickOtherwise::choose;
    const auto own = may_choose ? std::nullopt : bound_of(asker, now);
    Loan* chosen = nullptr;
    std::size_t most = 0;
    for (auto& [number, loan] : loans_) {
        if (loan.is_recalled || loan.since > lent_until) continue;
        if (own && own->entry->backend.id != loan.backend) continue;
        const auto* const entry = find(loan.backend);
        if (entry == nullptr || !is_usable(*entry, asker) || entry->outlier.is_ejected(now))
            continue;
        const auto of_holder = loans_of_holders_.at(loan.holder);
        if (of_holder <= most) continue;
        most = of_holder;
        chosen = &loan;
    }
    if (chosen == nullptr) return false;
    chosen->is_recalled = true;
    ++recalled_;
    recalls.push_back(chosen->recall);
    return true;
}

/// One seat for each that waits. A client that has just got its seat has a moment for its PASS
/// first, or the seats of a busy pool would only change hands.
Pool::Recalls Pool::recall_for_queue(loop::Time now) {
    constexpr auto undisturbed = std::chrono::seconds(1);
    Recalls recalls;
    auto waiter = queue_.waiting().begin();
    while (recalled_ < queue_.size() && waiter != queue_.waiting().end())
        (void)recall_for((*waiter++)->asker, now - undisturbed, recalls);
    return recalls;
}

void Pool::call(const Recalls& recalls) {
    for (const auto& each : recalls) loop::Recall::call(each);
}

void Pool::tick() {
    Queue::Served served;
    Recalls recalls;
    {
        const auto now = clock_();
        const std::lock_guard lock(mutex_);
        for (auto& entry : entries_) (void)entry.byte_rate.update(entry.traffic->bytes, now);
        forget_empty();
        served = serve_queue(now);
        recalls = recall_for_queue(now);
    }
    call(recalls);
    Queue::wake(served);
}

void Pool::leave(const Seat& seat) {
    const auto id = seat.backend_.id;
    Queue::Served served;
    {
        const auto now = clock_();
        const std::lock_guard lock(mutex_);
        if (const auto loan = loans_.find(seat.loan_); loan != loans_.end()) forget(loan);
        Entry* const entry = find(id);
        assert(entry != nullptr && entry->sessions > 0);
        --entry->sessions;
        if (seat.has_logged_in_) {
            stick_table_.session_ended(seat.stick_key_, id, now);
        } else {
            stick_table_.attempt_failed(seat.stick_key_, id);
            entry->login_time.refused(now);
        }
        forget_empty();
        served = serve_queue(now);
    }
    Queue::wake(served);
}

void Pool::count_login(const Seat& seat, std::chrono::microseconds taken) {
    const auto id = seat.backend_.id;
    const auto now = clock_();
    const std::lock_guard lock(mutex_);
    if (Entry* const entry = find(id)) entry->login_time.add(taken, now);
    if (config_.stick.by != config::StickBy::none && !seat.has_logged_in_)
        stick_table_.logged_in(seat.stick_key_, id, now);
}

// Health

bool Pool::probe_passed(BackendId id) { return report(id, true, "probe passed"); }

void Pool::probe_failed(BackendId id, const std::string& reason) { report(id, false, reason); }

void Pool::observe_success(BackendId id) {
    const std::lock_guard lock(mutex_);
    if (Entry* const entry = find(id)) entry->outlier.succeeded();
}

/// Whether enough others would be left.
bool Pool::may_eject(const Entry& entry, loop::Time now) const {
    std::size_t present = 0;
    std::size_t left = 0;
    for (const auto& each : entries_) {
        if (each.gone) continue;
        ++present;
        const bool serves =
            each.thresholds.health() != Health::down && !each.outlier.is_ejected(now);
        if (&each != &entry && serves) ++left;
    }
    return left > 0 && left * 100 >= present * config_.observe.panic_threshold;
}

void Pool::observe_failure(BackendId id, const std::string& reason) {
    std::string name;
    bool is_ejected = false;
    std::chrono::seconds time{};
    Queue::Served served;
    {
        const auto now = clock_();
        const std::lock_guard lock(mutex_);
        Entry* const entry = find(id);
        if (entry == nullptr || entry->outlier.is_ejected(now) || !entry->outlier.failed()) return;
        name = entry->backend.name;
        is_ejected = may_eject(*entry, now);
        if (is_ejected)
            entry->outlier.eject(now);
        else
            entry->outlier.spare();
        time =
            std::chrono::duration_cast<std::chrono::seconds>(entry->outlier.ejected_until() - now);
        // Who waited for this one may have to be content with another that is ejected.
        if (is_ejected) served = serve_queue(now);
    }
    Queue::wake(served);
    if (is_ejected)
        log::write_each(log::Level::warning, "backend ejected",
                        {{"pool", config_.name},
                         {"backend", name},
                         {"seconds", std::int64_t{time.count()}},
                         {"reason", reason}});
    else
        log::write_each(log::Level::warning,
                        "backend fails sessions and is not ejected: too few would be left",
                        {{"pool", config_.name}, {"backend", name}, {"reason", reason}});
}

bool Pool::report(BackendId id, bool passed, const std::string& reason) {
    Backend backend;
    bool was_down = false;
    Queue::Served served;
    {
        const auto now = clock_();
        const std::lock_guard lock(mutex_);
        Entry* const entry = find(id);
        if (entry == nullptr) return false;
        was_down = entry->thresholds.health() == Health::down;
        const bool changed = passed ? entry->thresholds.succeeded() : entry->thresholds.failed();
        if (!changed) return false;
        if (was_down) {
            entry->risen_at = now;
            entry->outlier.forget();
        }
        backend = entry->backend;
        served = serve_queue(now);
    }
    Queue::wake(served);
    const auto level = passed ? log::Level::info : log::Level::warning;
    log::write_each(level, passed ? "backend up" : "backend down",
                    {{"pool", config_.name},
                     {"backend", backend.name},
                     {"address", base::to_string(backend.address)},
                     {"reason", reason}});
    return passed && was_down;
}

std::vector<Pool::Status> Pool::status() const {
    const auto now = clock_();
    const std::lock_guard lock(mutex_);
    std::vector<Status> result;
    for (const auto& entry : entries_)
        if (!entry.gone)
            result.push_back({.backend = entry.backend,
                              .health = entry.thresholds.health(),
                              .is_in_transition = entry.thresholds.is_in_transition(),
                              .is_ejected = entry.outlier.is_ejected(now),
                              .sessions = entry.sessions,
                              .transfers = entry.traffic->transfers,
                              .backup = entry.backend.settings->backup});
    return result;
}

std::size_t Pool::waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

}  // namespace ballast::pool
