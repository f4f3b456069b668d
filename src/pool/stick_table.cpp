// SPDX-License-Identifier: Apache-2.0
#include "pool/stick_table.h"

namespace ballast::pool {

void StickTable::Seats::add(Backend to) {
    if (backend != to) *this = {to, 0};
    ++count;
}

void StickTable::Seats::remove(Backend from) {
    if (backend == from && count > 0) --count;
}

void StickTable::configure(std::chrono::milliseconds timeout, std::size_t entries_max) {
    timeout_ = timeout;
    entries_max_ = entries_max;
    bound_size();
}

bool StickTable::is_over(const Entry& entry, loop::Time now) const {
    const bool has_seats =
        entry.attempts.count > 0 || (entry.sessions && entry.sessions->count > 0);
    return !has_seats && now - entry.last_used >= timeout_;
}

/// Creates the entry if there is none.
StickTable::Entry& StickTable::use(Key key, loop::Time now) {
    const auto [place, is_new] = places_.try_emplace(key);
    if (is_new) {
        entries_.push_front(
            {.key = key, .who = {}, .sessions = {}, .attempts = {}, .last_used = {}});
        place->second = entries_.begin();
    }
    entries_.splice(entries_.begin(), entries_, place->second);
    Entry& entry = entries_.front();
    entry.last_used = now;
    bound_size();
    return entry;
}

void StickTable::bound_size() {
    while (entries_.size() > entries_max_) {
        places_.erase(entries_.back().key);
        entries_.pop_back();
    }
}

std::optional<StickTable::Binding> StickTable::find(Key key, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end()) return std::nullopt;
    const Entry& entry = *place->second;
    if (is_over(entry, now)) {
        entries_.erase(place->second);
        places_.erase(place);
        return std::nullopt;
    }
    return binding_of(entry);
}

StickTable::Binding StickTable::binding_of(const Entry& entry) {
    const bool is_settled = entry.sessions.has_value();
    // An attempt at another backend is newer: it means that the former one could not serve.
    if (!is_settled || entry.attempts.count > 0) {
        const auto backend = entry.attempts.backend;
        return {backend, is_settled && entry.sessions->backend == backend};
    }
    return {entry.sessions->backend, true};
}

StickTable::Remembered StickTable::remembered(const Entry& entry) {
    const auto binding = binding_of(entry);
    const auto there = [&](const Seats& seats) {
        return seats.backend == binding.backend ? seats.count : 0;
    };
    return {.key = entry.key,
            .who = entry.who,
            .binding = binding,
            .sessions = there(entry.attempts) + (entry.sessions ? there(*entry.sessions) : 0),
            .last_used = entry.last_used};
}

StickTable::Slice StickTable::slice(Key after, std::size_t max, loop::Time now) const {
    Slice slice;
    auto place = places_.upper_bound(after);
    for (; place != places_.end() && max > 0; ++place, --max) {
        slice.next = place->first;
        if (!is_over(*place->second, now)) slice.entries.push_back(remembered(*place->second));
    }
    if (place == places_.end()) slice.next = 0;
    return slice;
}

std::optional<StickTable::Remembered> StickTable::look_up(Key key, loop::Time now) const {
    const auto place = places_.find(key);
    if (place == places_.end() || is_over(*place->second, now)) return std::nullopt;
    return remembered(*place->second);
}

void StickTable::attempt_began(Key key, std::string_view who, Backend backend, loop::Time now) {
    if (key == 0) return;
    Entry& entry = use(key, now);
    if (entry.who.empty()) entry.who = who;
    entry.attempts.add(backend);
}

void StickTable::attempt_failed(Key key, Backend backend) {
    const auto place = places_.find(key);
    if (place == places_.end()) return;
    Entry& entry = *place->second;
    entry.attempts.remove(backend);
    if (entry.sessions || entry.attempts.count > 0) return;
    entries_.erase(place->second);
    places_.erase(place);
}

void StickTable::logged_in(Key key, Backend backend, loop::Time now) {
    if (key == 0) return;
    Entry& entry = use(key, now);
    entry.attempts.remove(backend);
    if (!entry.sessions) entry.sessions = Seats{backend, 0};
    entry.sessions->add(backend);
}

void StickTable::session_ended(Key key, Backend backend, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end() || !place->second->sessions ||
        place->second->sessions->backend != backend)
        return;
    use(key, now).sessions->remove(backend);
}

std::size_t StickTable::forget(Key key) {
    const auto place = places_.find(key);
    if (place == places_.end()) return 0;
    entries_.erase(place->second);
    places_.erase(place);
    return 1;
}

std::size_t StickTable::forget_all() {
    const auto known = places_.size();
    entries_.clear();
    places_.clear();
    return known;
}

}  // namespace ballast::pool
