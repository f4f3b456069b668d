// SPDX-License-Identifier: Apache-2.0
#include "pool/locked.h"

#include "base/log.h"
#include "events/bus.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace ballast::pool {

Pool::Locked::~Locked() {
    lock_.unlock();
    for (const auto& recall : recalls_) loop::Recall::call(recall);
    Queue::wake(served_);
    for (const auto& note : notes_) {
        const std::initializer_list<log::Field> fields = {
            {"pool", pool_.name_}, {"backend", note.name}, {"state", to_string(note.state)}};
        log::write_each(log::Level::info, note.message, fields);
        events::publish(note.kind, fields);
    }
}

std::expected<Seat, Refusal> Pool::Locked::choose(const Asker& asker, Choice* explained) {
    const auto chosen = pool_.chooser_.choose(asker, now_, explained);
    if (!chosen) return std::unexpected(chosen.error());
    return reserve(**chosen, asker);
}

Seat Pool::Locked::reserve(Member& member, const Asker& asker) {
    member.session_began();
    pool_.chooser_.stick_table().attempt_began(asker.stick_key, asker.stick_name, member.id(),
                                               now_);
    return Seat(pool_.shared_from_this(), member.backend(), member.traffic(), member.signs(),
                asker.stick_key);
}

void Pool::Locked::serve_queue() {
    // Every choice calls this. So it must cost nothing while the queue is empty, and little while
    // no seat is free.
    if (pool_.queue_.size() == 0 || !pool_.chooser_.has_room(now_)) return;
    auto served = pool_.queue_.serve([&](const Asker& asker) -> std::optional<Seat> {
        if (!pool_.chooser_.has_room(asker, now_)) return std::nullopt;
        auto seat = choose(asker);
        if (!seat) return std::nullopt;
        return std::move(*seat);
    });
    std::ranges::move(served, std::back_inserter(served_));
}

bool Pool::Locked::recall_for(const Asker& asker, loop::Time lent_until) {
    auto recall = pool_.loans_.recall(pool_.chooser_.would_do(asker, now_), lent_until);
    if (!recall) return false;
    recalls_.push_back(std::move(recall));
    return true;
}

void Pool::Locked::recall_for_queue() {
    // Give a client with a new seat a moment for its PASS. Otherwise the seats of a busy pool would
    // only change hands.
    constexpr auto undisturbed = std::chrono::seconds(1);
    auto waiter = pool_.queue_.waiting().begin();
    while (pool_.loans_.recalled() < pool_.queue_.size() && waiter != pool_.queue_.waiting().end())
        (void)recall_for((*waiter++)->asker, now_ - undisturbed);
}

void Pool::Locked::enforce_states() {
    const auto least = can_move() ? AdminState::draining : AdminState::draining_idle;
    std::ranges::move(pool_.watches_.on_withdrawn(least, can_move()), std::back_inserter(recalls_));
    serve_queue();
    auto dismissed = pool_.queue_.dismiss([&](const Asker& asker) -> std::optional<Refusal> {
        const auto chosen = pool_.chooser_.choose(asker, now_);
        if (chosen || chosen.error() == Refusal::all_full) return std::nullopt;
        return chosen.error();
    });
    std::ranges::move(dismissed, std::back_inserter(served_));
}

void Pool::Locked::wake_sessions_of(BackendId backend) {
    if (can_move()) std::ranges::move(pool_.watches_.on(backend), std::back_inserter(recalls_));
}

void Pool::Locked::rebalance() {
    std::ranges::move(
        pool_.rebalancer_.balance(*pool_.settings_, pool_.roster_.members(), pool_.watches_, now_),
        std::back_inserter(recalls_));
}

bool Pool::Locked::can_move() const { return pool_.settings_->failover != config::Failover::off; }

void Pool::Locked::note(std::string_view message, events::Kind kind, const std::string& name) {
    notes_.push_back({message, kind, name, pool_.roster_.administration().own(name)});
}

void Pool::Locked::note_if_drained(const std::string& name) {
    const auto& roster = pool_.roster_;
    if (roster.administration().own(name) != AdminState::ready && roster.is_empty(name))
        note("backend drained: no session is left", events::Kind::backend_drained, name);
}

}  // namespace ballast::pool
