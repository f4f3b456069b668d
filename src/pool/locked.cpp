// SPDX-License-Identifier: Apache-2.0
#include "pool/locked.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace ballast::pool {

Pool::Locked::~Locked() {
    lock_.unlock();
    for (const auto& recall : recalls_) loop::Recall::call(recall);
    Queue::wake(served_);
}

std::expected<Seat, Refusal> Pool::Locked::choose(const Asker& asker) {
    const auto chosen = pool_.chooser_.choose(asker, now_);
    if (!chosen) return std::unexpected(chosen.error());
    Member& member = **chosen;
    member.session_began();
    pool_.chooser_.stick_table().attempt_began(asker.stick_key, member.id(), now_);
    return Seat(pool_.shared_from_this(), member.backend(), member.traffic(), asker.stick_key);
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

}  // namespace ballast::pool
