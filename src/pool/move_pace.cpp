// SPDX-License-Identifier: Apache-2.0
#include "pool/move_pace.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::pool {

namespace {

using namespace std::chrono_literals;

constexpr auto burst = 100ms;
/// Turns before this one may end unused, and the rate may change.
constexpr auto ask_again_max = 500ms;
constexpr auto late_after = 100ms;

}  // namespace

MovePace::MovePace(double rate, Clock clock)
    : clock_(std::move(clock)), logins_(rate, clock_(), burst) {}

void MovePace::set_rate(double rate) {
    const std::lock_guard lock(mutex_);
    logins_.set_rate(rate, clock_());
}

MovePace::Number MovePace::join() {
    const std::lock_guard lock(mutex_);
    others_.push_back({++last_, clock_()});
    return last_;
}

std::optional<loop::Time> MovePace::ask(Number number, bool is_urgent) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_();
    pass_over_late_ones(now);
    const bool is_first_class = is_urgent || has(urgent_, number);
    auto& turns = is_first_class ? urgent_ : others_;
    if (is_first_class) erase(others_, number);
    if (!has(turns, number)) insert(turns, {number, now});
    const auto place = place_of(turns, number);
    const auto before = place - turns.begin() + (is_first_class ? 0 : std::ssize(urgent_));
    // There must be a login for each of those before it, too: they ask when theirs comes.
    const auto next = logins_.next(now, static_cast<double>(before));
    if (next > now) {
        place->due = std::min(next, now + ask_again_max);
        return place->due;
    }
    (void)logins_.take(now);
    turns.erase(place);
    return std::nullopt;
}

void MovePace::leave(Number number) {
    const std::lock_guard lock(mutex_);
    erase(others_, number);
    erase(urgent_, number);
}

MovePace::Turns::iterator MovePace::place_of(Turns& turns, Number number) {
    return std::ranges::lower_bound(turns, number, {}, &Turn::number);
}

bool MovePace::has(Turns& turns, Number number) {
    const auto place = place_of(turns, number);
    return place != turns.end() && place->number == number;
}

void MovePace::erase(Turns& turns, Number number) {
    if (has(turns, number)) turns.erase(place_of(turns, number));
}

void MovePace::insert(Turns& turns, const Turn& turn) {
    turns.insert(place_of(turns, turn.number), turn);
}

void MovePace::pass_over_late_ones(loop::Time now) {
    const auto is_in_time = [&](const Turn& turn) { return now <= turn.due + late_after; };
    for (auto* const turns : {&urgent_, &others_})
        turns->erase(turns->begin(), std::ranges::find_if(*turns, is_in_time));
}

}  // namespace ballast::pool
