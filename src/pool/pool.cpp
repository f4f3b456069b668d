// SPDX-License-Identifier: Apache-2.0
#include "pool/pool.h"

#include "base/log.h"
#include "events/bus.h"
#include "pool/locked.h"

#include <cassert>
#include <utility>

namespace ballast::pool {

Pool::Pool(Settings settings, Clock clock, std::uint64_t seed)
    : name_(settings->name),
      clock_(std::move(clock)),
      settings_(std::move(settings)),
      roster_(settings_),
      chooser_(settings_, roster_, seed),
      queue_(settings_->queue.length),
      pace_(std::make_shared<MovePace>(settings_->failover_rate, clock_)) {}

Pool::Pool(config::Pool settings, Clock clock, std::uint64_t seed)
    : Pool(std::make_shared<const config::Pool>(std::move(settings)), std::move(clock), seed) {}

Pool::Settings Pool::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

void Pool::configure(Settings settings) {
    assert(settings->name == name_);
    Locked locked(*this);
    settings_ = std::move(settings);
    roster_.configure(settings_);
    chooser_.configure(settings_);
    queue_.set_length(settings_->queue.length);
    pace_->set_rate(settings_->failover_rate);
    locked.enforce_states();
    locked.serve_queue();
    locked.recall_for_queue();
}

std::vector<BackendSettings> Pool::backends() const {
    const std::lock_guard lock(mutex_);
    return roster_.backends();
}

void Pool::set_file_backends(const std::vector<BackendSettings>& backends) {
    Locked locked(*this);
    roster_.set_file_backends(backends);
    locked.serve_queue();
    locked.recall_for_queue();
}

void Pool::set_targets(const BackendSettings& backend, std::span<const Target> targets) {
    Locked locked(*this);
    roster_.set_targets(backend, targets);
    locked.serve_queue();
}

// Choosing

std::expected<Seat, Refusal> Pool::choose(const Client& client, std::span<const BackendId> tried,
                                          Choice* explained) {
    Locked locked(*this);
    const Asker asker(settings_->stick, client, tried);
    // Seats that became free by time alone go to the queue first.
    locked.serve_queue();
    return locked.choose(asker, explained);
}

std::optional<Seat> Pool::seat_on(BackendId backend, const Client& client) {
    Locked locked(*this);
    locked.serve_queue();
    Member* const member = roster_.find(backend);
    if (member == nullptr || member->standing(locked.now()) != Standing::serving ||
        !member->has_room(locked.now()))
        return std::nullopt;
    return locked.reserve(*member, Asker(settings_->stick, client, {}));
}

bool Pool::has_other(BackendId backend) {
    const Locked locked(*this);
    return std::ranges::any_of(roster_.members(), [&](const Member& member) {
        return member.id() != backend && member.weight() > 0 && member.has_room(locked.now()) &&
               member.standing(locked.now()) == Standing::serving;
    });
}

std::optional<BackendId> Pool::foresee(const base::Ip& address) {
    const Locked locked(*this);
    const auto* const member = chooser_.foresee(address, locked.now());
    if (member == nullptr) return std::nullopt;
    return member->id();
}

std::expected<Place, Refusal> Pool::join_queue(const Client& client, std::vector<BackendId> tried,
                                               loop::Signal& signal) {
    Locked locked(*this);
    auto waiter = std::make_shared<Waiter>(Asker(settings_->stick, client, tried), signal);
    locked.serve_queue();
    if (auto seat = locked.choose(waiter->asker)) {
        waiter->seat = std::move(*seat);
    } else {
        if (seat.error() != Refusal::all_full) return std::unexpected(seat.error());
        // For each recalled seat one client may wait, even without a queue. It will not wait long.
        const bool is_recalled =
            locked.recall_for(waiter->asker, locked.now()) || loans_.recalled() > queue_.size();
        if (!is_recalled && settings_->queue.length == 0) return std::unexpected(Refusal::all_full);
        if (!is_recalled && queue_.is_full()) return std::unexpected(Refusal::queue_full);
        queue_.join(waiter);
    }
    return Place(shared_from_this(), std::move(waiter));
}

void Pool::tick() {
    Locked locked(*this);
    for (auto& member : roster_.members()) member.measure(locked.now());
    roster_.forget_empty();
    locked.serve_queue();
    locked.recall_for_queue();
    locked.rebalance();
}

// Seats and places

Loans::Number Pool::lend(BackendId backend, std::shared_ptr<loop::Recall> recall,
                         const base::Ip& holder) {
    const Locked locked(*this);
    return loans_.begin(backend, std::move(recall), holder, locked.now());
}

bool Pool::end_loan(Loans::Number loan) {
    const Locked locked(*this);
    return loans_.end(loan);
}

Watches::Number Pool::watch(const Seat& seat, std::shared_ptr<loop::Recall> recall) {
    const Locked locked(*this);
    const auto id = seat.backend_.id;
    const auto number = watches_.begin(id, seat.signs_, seat.wish_, std::move(recall));
    if (seat.has_logged_in_) watches_.logged_in(id, number, locked.now());
    return number;
}

void Pool::count_login(const Seat& seat, std::chrono::microseconds taken) {
    const auto id = seat.backend_.id;
    const Locked locked(*this);
    if (Member* const member = roster_.find(id)) member->logged_in(taken, locked.now());
    watches_.logged_in(id, seat.watch_, locked.now());
    if (!seat.has_logged_in_) chooser_.stick_table().logged_in(seat.stick_key_, id, locked.now());
}

void Pool::leave(const Seat& seat) {
    const auto id = seat.backend_.id;
    Locked locked(*this);
    loans_.end(seat.loan_);
    watches_.end(id, seat.watch_);
    Member* const member = roster_.find(id);
    assert(member != nullptr);
    member->session_ended();
    locked.note_if_drained(member->name());
    if (seat.has_logged_in_) {
        chooser_.stick_table().session_ended(seat.stick_key_, id, locked.now());
    } else {
        chooser_.stick_table().attempt_failed(seat.stick_key_, id);
        member->refused(locked.now());
    }
    roster_.forget_empty();
    locked.serve_queue();
}

std::optional<Seat> Pool::take_seat(Waiter& waiter) {
    const Locked locked(*this);
    return std::exchange(waiter.seat, std::nullopt);
}

std::optional<Refusal> Pool::refusal_of(const Waiter& waiter) const {
    const std::lock_guard lock(mutex_);
    return waiter.refusal;
}

std::optional<Seat> Pool::leave_queue(Waiter& waiter) {
    const Locked locked(*this);
    queue_.leave(waiter);
    return std::exchange(waiter.seat, std::nullopt);
}

// Health

bool Pool::probe_passed(BackendId id) { return probed(id, true, "probe passed"); }

void Pool::probe_failed(BackendId id, const std::string& reason) { probed(id, false, reason); }

bool Pool::probed(BackendId id, bool passed, const std::string& reason) {
    Backend backend;
    bool was_down = false;
    {
        Locked locked(*this);
        Member* const member = roster_.find(id);
        if (member == nullptr) return false;
        was_down = member->thresholds().health() == Health::down;
        const bool changed = member->probed(passed, locked.now());
        if (!passed && member->thresholds().health() == Health::down) member->set_reason(reason);
        if (!changed) return false;
        if (passed) member->set_reason({});
        backend = member->backend();
        if (!passed) locked.wake_sessions_of(id);
        locked.serve_queue();
    }
    const auto level = passed ? log::Level::info : log::Level::warning;
    const auto address = base::to_string(backend.address);
    const std::initializer_list<log::Field> fields = {
        {"pool", name_}, {"backend", backend.name}, {"address", address}, {"reason", reason}};
    log::write_each(level, passed ? "backend up" : "backend down", fields);
    events::publish(passed ? events::Kind::backend_up : events::Kind::backend_down, fields);
    return passed && was_down;
}

void Pool::observe_success(BackendId id) {
    const Locked locked(*this);
    if (Member* const member = roster_.find(id)) member->outlier().succeeded();
}

void Pool::observe_failure(BackendId id, const std::string& reason) {
    std::string name;
    std::optional<std::chrono::seconds> ejected_for;
    {
        Locked locked(*this);
        Member* const member = roster_.find(id);
        if (member == nullptr) return;
        auto& outlier = member->outlier();
        if (outlier.is_ejected(locked.now()) || !outlier.failed()) return;
        name = member->backend().name;
        if (roster_.can_spare(*member, settings_->observe.panic_threshold, locked.now())) {
            outlier.eject(locked.now());
            member->set_reason(reason);
            ejected_for = std::chrono::duration_cast<std::chrono::seconds>(outlier.ejected_until() -
                                                                           locked.now());
            // Clients that waited for this backend may now use another ejected one.
            locked.serve_queue();
        } else {
            outlier.spare();
        }
    }
    if (ejected_for) {
        const std::initializer_list<log::Field> fields = {
            {"pool", name_},
            {"backend", name},
            {"seconds", std::int64_t{ejected_for->count()}},
            {"reason", reason}};
        log::write_each(log::Level::warning, "backend ejected", fields);
        events::publish(events::Kind::backend_ejected, fields);
    } else {
        log::write_each(log::Level::warning,
                        "backend fails sessions and is not ejected: too few would be left",
                        {{"pool", name_}, {"backend", name}, {"reason", reason}});
    }
}

// Administration

bool Pool::administer(std::string_view backend_name, AdminState state) {
    const std::string name(backend_name);
    Locked locked(*this);
    if (!roster_.knows(name)) return false;
    if (!roster_.administration().set(name, state)) return true;
    locked.note("backend state changed by the administrator", events::Kind::backend_state, name);
    locked.note_if_drained(name);
    locked.enforce_states();
    return true;
}

bool Pool::tune(std::string_view backend_name, const Tuning& tuning) {
    const std::string name(backend_name);
    Locked locked(*this);
    if (!roster_.knows(name)) return false;
    roster_.tune(name, tuning);
    locked.serve_queue();
    locked.recall_for_queue();
    return true;
}

Tuning Pool::tuning(std::string_view backend_name) const {
    const std::lock_guard lock(mutex_);
    return roster_.administration().tuning(backend_name);
}

/// Empty: its backend is gone.
std::optional<Pool::Remembered> Pool::named(StickTable::Remembered entry) const {
    const auto* const member = roster_.find(entry.binding.backend);
    if (member == nullptr) return std::nullopt;
    Remembered named{.number = entry.key,
                     .network = {},
                     .user = {},
                     .backend = member->name(),
                     .sessions = entry.sessions,
                     .last_used = entry.last_used};
    (settings_->stick.by == config::StickBy::user ? named.user : named.network) =
        std::move(entry.who);
    return named;
}

Pool::RememberedSlice Pool::remembered(std::uint64_t after, std::size_t max) const {
    const std::lock_guard lock(mutex_);
    auto slice = chooser_.stick_table().slice(after, max, clock_());
    RememberedSlice all{.entries = {}, .next = slice.next};
    for (auto& entry : slice.entries)
        if (auto one = named(std::move(entry))) all.entries.push_back(std::move(*one));
    return all;
}

std::optional<Pool::Remembered> Pool::remembered(const Client& client) const {
    const std::lock_guard lock(mutex_);
    const Asker asker(settings_->stick, client, {});
    auto entry = chooser_.stick_table().look_up(asker.stick_key, clock_());
    return entry ? named(std::move(*entry)) : std::nullopt;
}

bool Pool::forget_client(const Client& client) {
    const Locked locked(*this);
    const Asker asker(settings_->stick, client, {});
    return chooser_.stick_table().forget(asker.stick_key, locked.now()) != 0;
}

std::size_t Pool::forget_all_clients() {
    const Locked locked(*this);
    return chooser_.stick_table().forget_all(locked.now());
}

std::size_t Pool::clients_remembered() const {
    const std::lock_guard lock(mutex_);
    return chooser_.stick_table().size();
}

void Pool::administer_all(AdminState state) {
    Locked locked(*this);
    roster_.administration().set_all(state);
    locked.enforce_states();
}

std::vector<Pool::Status> Pool::status() const {
    const auto now = clock_();
    const std::lock_guard lock(mutex_);
    std::vector<Status> result;
    for (const auto& member : roster_.members())
        if (member.standing(now) != Standing::gone)
            result.push_back({.backend = member.backend(),
                              .health = member.thresholds().health(),
                              .is_in_transition = member.thresholds().is_in_transition(),
                              .is_ejected = member.outlier().is_ejected(now),
                              .is_serving = member.standing(now) == Standing::serving,
                              .admin = roster_.administration().own(member.name()),
                              .is_drained = *member.admin() != AdminState::ready &&
                                            roster_.is_empty(member.name()),
                              .sessions = member.sessions(),
                              .transfers = member.traffic()->transfers,
                              .backup = member.backend().settings->backup,
                              .weight = member.weight(),
                              .max_sessions = member.max_sessions(),
                              .health_since = member.health_since(),
                              .reason = member.thresholds().health() == Health::down ||
                                                member.outlier().is_ejected(now)
                                            ? member.reason()
                                            : std::string(),
                              .bytes_per_second = member.bytes_per_second(),
                              .login_time = member.login_time(now),
                              .sessions_elsewhere = member.sessions_elsewhere(),
                              .transfers_elsewhere = member.transfers_elsewhere(),
                              .target = member.target(),
                              .traffic = member.traffic()});
    return result;
}

std::vector<Pool::Named> Pool::names() const {
    const std::lock_guard lock(mutex_);
    std::vector<Named> all;
    for (const auto& backend : roster_.backends())
        all.push_back({backend->name, roster_.administration().own(backend->name),
                       roster_.sessions(backend->name)});
    return all;
}

// The other balancers of a cluster

void Pool::share(bool wanted) {
    const std::lock_guard lock(mutex_);
    chooser_.stick_table().share(wanted);
}

std::vector<Pool::Stuck> Pool::take_stuck(std::size_t max) {
    const Locked locked(*this);
    std::vector<Stuck> taken;
    while (taken.size() < max) {
        auto news = chooser_.stick_table().take_news(max - taken.size(), locked.now());
        if (news.empty()) break;
        for (auto& each : news)
            if (auto stuck = told(std::move(each), locked.now()))
                taken.push_back(std::move(*stuck));
    }
    return taken;
}

/// Empty: its backend is gone. Others would not find it either.
std::optional<Pool::Stuck> Pool::told(StickTable::News news, loop::Time now) const {
    Stuck stuck{.key = news.key,
                .who = std::move(news.who),
                .is_user = settings_->stick.by == config::StickBy::user,
                .backend = {},
                .address = {},
                .age = std::chrono::duration_cast<std::chrono::milliseconds>(now - news.at),
                .is_gone = news.backend == 0};
    if (stuck.is_gone) return stuck;
    const auto* const member = roster_.find(news.backend);
    if (member == nullptr) return std::nullopt;
    stuck.backend = member->name();
    stuck.address = member->backend().address;
    return stuck;
}

void Pool::learn(std::span<const Stuck> known) {
    const Locked locked(*this);
    const auto by = settings_->stick.by;
    for (const auto& each : known) {
        if (by != (each.is_user ? config::StickBy::user : config::StickBy::network)) continue;
        const auto backend = each.is_gone ? 0 : Roster::id_of(each.backend, each.address);
        chooser_.stick_table().learn({each.key, each.who, backend, locked.now() - each.age},
                                     locked.now());
    }
}

void Pool::set_elsewhere(std::span<const Elsewhere> loads) {
    Locked locked(*this);
    const auto used_before = roster_.used_elsewhere();
    roster_.set_elsewhere(loads);
    const auto used_now = roster_.used_elsewhere();
    for (const auto& name : used_before)
        if (!used_now.contains(name)) locked.note_if_drained(name);
    locked.serve_queue();
}

std::size_t Pool::waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

std::shared_ptr<metrics::BackendFigures> Pool::figures(BackendId id) {
    const std::lock_guard lock(mutex_);
    const Member* const member = roster_.find(id);
    if (member == nullptr) return nullptr;
    return {member->traffic(), &member->traffic()->figures};
}

}  // namespace ballast::pool
