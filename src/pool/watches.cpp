// SPDX-License-Identifier: Apache-2.0
#include "pool/watches.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ballast::pool {

namespace {

/// How long a session that was asked, or has just logged in, is left alone.
constexpr auto undisturbed = std::chrono::seconds(10);

}  // namespace

Watches::Number Watches::begin(BackendId backend, BackendSigns signs,
                               std::shared_ptr<MoveWish> wish,
                               std::shared_ptr<loop::Recall> recall) {
    const auto number = ++last_number_;
    watches_.emplace(std::pair(backend, number),
                     Watch{std::move(signs), std::move(wish), std::move(recall)});
    return number;
}

void Watches::logged_in(BackendId backend, Number number, loop::Time now) {
    const auto found = watches_.find({backend, number});
    if (found != watches_.end()) found->second.undisturbed_since = now;
}

Watches::Recalls Watches::on_withdrawn(AdminState least, bool or_down) const {
    Recalls recalls;
    for (const auto& [key, watch] : watches_) {
        const bool is_down = or_down && *watch.signs.is_down;
        if (is_down || *watch.signs.admin >= least) recalls.push_back(watch.recall);
    }
    return recalls;
}

Watches::Recalls Watches::on(BackendId backend) const {
    Recalls recalls;
    const auto first = watches_.lower_bound({backend, 0});
    for (auto each = first; each != watches_.end() && each->first.first == backend; ++each)
        recalls.push_back(each->second.recall);
    return recalls;
}

std::optional<Watches::Number> Watches::next_movable(BackendId backend, Number last,
                                                     loop::Time now) const {
    const auto first = watches_.lower_bound({backend, 0});
    const auto middle = watches_.upper_bound({backend, last});
    const auto end = watches_.upper_bound({backend, last_number_});
    const auto is_movable = [&](const auto& each) {
        const auto& since = each.second.undisturbed_since;
        return since && now >= *since + undisturbed;
    };
    const auto search = [&](auto from, auto to) -> std::optional<Number> {
        const auto found = std::find_if(from, to, is_movable);
        if (found == to) return std::nullopt;
        return found->first.second;
    };
    const auto behind = search(middle, end);
    return behind ? behind : search(first, middle);
}

std::shared_ptr<loop::Recall> Watches::ask_to_move(BackendId backend, Number number, BackendId to,
                                                   loop::Time now) {
    auto& watch = watches_.at({backend, number});
    watch.undisturbed_since = now;
    *watch.wish = to;
    return watch.recall;
}

bool Watches::is_asked_to_move(BackendId backend, Number number) const {
    const auto found = watches_.find({backend, number});
    return found != watches_.end() && *found->second.wish != 0;
}

void Watches::withdraw_wish(BackendId backend, Number number) {
    *watches_.at({backend, number}).wish = 0;
}

}  // namespace ballast::pool
