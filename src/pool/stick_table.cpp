// SPDX-License-Identifier: Apache-2.0
#include "pool/stick_table.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::pool {

void StickTable::Seats::add(Backend to) {
    if (backend != to) *this = {to, 0};
    ++count;
}

void StickTable::Seats::remove(Backend from) {
    if (backend == from && count > 0) --count;
}

void StickTable::configure(std::chrono::milliseconds timeout, std::size_t entries_max) {
    const bool is_changed = std::exchange(timeout_, timeout) != timeout;
    entries_max_ = entries_max;
    bound_size();
    if (sharing_ && is_changed) share(true);
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
    while (entries_.size() > entries_max_) erase(places_.find(entries_.back().key));
}

void StickTable::erase(Places::iterator place) {
    if (sharing_) {
        // That it was forgotten is news although it is gone.
        const auto due = sharing_->news.find(place->first);
        if (due != sharing_->news.end() && !due->second) sharing_->news.erase(due);
        note_later(*place->second, {});
    }
    entries_.erase(place->second);
    places_.erase(place);
}

std::optional<StickTable::Binding> StickTable::find(Key key, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end()) return std::nullopt;
    const Entry& entry = *place->second;
    if (is_over(entry, now)) {
        erase(place);
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
    erase(place);
}

void StickTable::logged_in(Key key, Backend backend, loop::Time now) {
    if (key == 0) return;
    Entry& entry = use(key, now);
    entry.attempts.remove(backend);
    if (!entry.sessions) entry.sessions = Seats{backend, 0};
    entry.sessions->add(backend);
    if (sharing_) note(entry, now);
}

void StickTable::session_ended(Key key, Backend backend, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end() || !place->second->sessions ||
        place->second->sessions->backend != backend)
        return;
    Entry& entry = use(key, now);
    entry.sessions->remove(backend);
    if (sharing_ && entry.sessions->count == 0) note(entry, now);
}

std::size_t StickTable::forget(Key key, loop::Time now) {
    const auto place = places_.find(key);
    if (place == places_.end()) return 0;
    auto who = std::move(place->second->who);
    erase(place);
    if (sharing_) sharing_->news[key] = News{key, std::move(who), 0, now};
    return 1;
}

std::size_t StickTable::forget_all(loop::Time now) {
    const auto known = places_.size();
    if (sharing_) {
        sharing_->later.clear();
        for (auto& entry : entries_)
            sharing_->news[entry.key] = News{entry.key, std::move(entry.who), 0, now};
    }
    entries_.clear();
    places_.clear();
    return known;
}

// What balancers of a cluster tell each other

void StickTable::share(bool wanted) {
    if (!wanted) {
        for (auto& entry : entries_) entry.news_at = {};
        sharing_.reset();
        return;
    }
    if (!sharing_) sharing_ = std::make_unique<Sharing>();
    ++round_;
    sharing_->told_up_to = 0;
}

/// Of those that this round has not come to: the next few, so that nobody waits for the pool.
void StickTable::note_untold() {
    constexpr std::size_t looked_at_max = 4096;
    auto& [news, later, told_up_to] = *sharing_;
    if (!told_up_to) return;
    auto place = places_.upper_bound(*told_up_to);
    for (std::size_t i = 0; i < looked_at_max && place != places_.end(); ++i, ++place) {
        told_up_to = place->first;
        Entry& entry = *place->second;
        if (entry.sessions && entry.round != round_) note(entry, entry.last_used);
    }
    if (place == places_.end()) told_up_to.reset();
}

/// Half of the time after which others forget it: one telling may be lost.
std::chrono::milliseconds StickTable::news_interval() const {
    return std::max<std::chrono::milliseconds>(timeout_ / 2, std::chrono::seconds(1));
}

void StickTable::note(Entry& entry, loop::Time now) {
    sharing_->news[entry.key] = std::nullopt;
    note_later(entry, entry.sessions->count > 0 ? now + news_interval() : loop::Time{});
}

void StickTable::note_later(Entry& entry, loop::Time at) {
    if (entry.news_at != loop::Time{}) sharing_->later.erase({entry.news_at, entry.key});
    entry.news_at = at;
    if (at != loop::Time{}) sharing_->later.emplace(at, entry.key);
}

std::vector<StickTable::News> StickTable::take_news(std::size_t max, loop::Time now) {
    std::vector<News> taken;
    if (!sharing_) return taken;
    auto& [news, later, told_up_to] = *sharing_;
    if (news.empty()) note_untold();
    while (!later.empty() && later.begin()->first <= now)
        note(*places_.at(later.begin()->second), now);
    while (!news.empty() && taken.size() < max) {
        auto [key, forgotten] = std::move(*news.begin());
        news.erase(news.begin());
        if (forgotten) {
            taken.push_back(std::move(*forgotten));
            continue;
        }
        Entry& entry = *places_.at(key);
        entry.round = round_;
        const bool is_in_use = entry.sessions->count > 0;
        taken.push_back(
            {key, entry.who, entry.sessions->backend, is_in_use ? now : entry.last_used});
    }
    return taken;
}

void StickTable::learn(const News& told, loop::Time now) {
    const auto place = places_.find(told.key);
    if (sharing_) {
        // It was forgotten here since, and the others do not know yet.
        const auto due = sharing_->news.find(told.key);
        if (due != sharing_->news.end() && due->second && due->second->at >= told.at) return;
    }
    if (told.backend == 0) {
        if (place != places_.end() && place->second->last_used <= told.at) erase(place);
        return;
    }
    if (told.key == 0 || now - told.at >= timeout_) return;
    // It was forgotten here after that, and the others hear of it soon.
    if (const auto* const forgotten = untold_forgetting(told.key);
        forgotten != nullptr && forgotten->at >= told.at)
        return;
    if (place == places_.end()) {
        const bool is_full = entries_.size() >= entries_max_;
        if (is_full && (entries_.empty() || entries_.back().last_used >= told.at)) return;
    } else if (const auto& sessions = place->second->sessions) {
        if (sessions->count > 0) return;
        if (place->second->last_used >= told.at) return note_known(*place->second, told);
    }
    const bool is_tried = place != places_.end() && place->second->attempts.count > 0;
    Entry& entry = use(told.key, is_tried ? place->second->last_used : told.at);
    entry.who = told.who;
    entry.sessions = Seats{told.backend, 0};
    if (!sharing_) return;
    entry.round = round_;
    sharing_->news.erase(told.key);
}

/// Another has told what this one knows, too: after a store was wiped, all of them tell all.
void StickTable::note_known(Entry& entry, const News& told) {
    constexpr auto nearly = std::chrono::seconds(2);
    if (!sharing_ || entry.sessions->backend != told.backend || entry.last_used - told.at > nearly)
        return;
    entry.round = round_;
    sharing_->news.erase(entry.key);
}

/// Null: it was not forgotten, or the others know.
const StickTable::News* StickTable::untold_forgetting(Key key) const {
    if (!sharing_) return nullptr;
    const auto found = sharing_->news.find(key);
    return found == sharing_->news.end() || !found->second ? nullptr : &*found->second;
}

}  // namespace ballast::pool
