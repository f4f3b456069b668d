// SPDX-License-Identifier: Apache-2.0
#include "guard/sharing.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ballast::guard {

namespace {

/// Of what has changed and was not taken. They are taken at each heartbeat, so there are far fewer.
constexpr std::size_t counts_max = 200'000;
constexpr std::size_t failures_max = 10'000;
constexpr std::size_t bans_max = 200'000;

template <typename Each>
std::vector<Each> take_from(std::deque<Each>& all, std::size_t max) {
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(max, all.size()));
    std::vector<Each> taken(std::move_iterator(all.begin()), std::move_iterator(end));
    all.erase(all.begin(), end);
    return taken;
}

}  // namespace

Sharing::Changes Sharing::take(std::size_t max) {
    Changes taken;
    while (!changed_.empty() && taken.counts.size() < max) {
        const auto who = *changed_.begin();
        changed_.erase(changed_.begin());
        const auto found = here_.find(who);
        taken.counts.push_back({who, found == here_.end() ? 0 : found->second});
    }
    taken.failures = take_from(failures_, max);
    taken.bans = take_from(bans_, max);
    taken.has_gap = std::exchange(has_gap_, false);
    return taken;
}

Sharing::Slice Sharing::counts(std::uint64_t after, std::size_t max) const {
    Slice slice;
    auto each = after == 0 ? here_.begin() : here_.upper_bound(after);
    for (; each != here_.end() && slice.counts.size() < max; ++each)
        slice.counts.push_back({each->first, each->second});
    if (each != here_.end() && !slice.counts.empty()) slice.next = slice.counts.back().who;
    return slice;
}

std::uint64_t Sharing::of_address(std::string_view client) const {
    return digest_("address\n" + std::string(client));
}

std::uint64_t Sharing::of_user(std::string_view key) const {
    return digest_("user\n" + std::string(key));
}

void Sharing::set_elsewhere(std::span<const Count> counts) {
    for (const auto& [who, sessions] : counts)
        if (sessions == 0)
            elsewhere_.erase(who);
        else
            elsewhere_[who] = sessions;
}

std::uint32_t Sharing::elsewhere(std::uint64_t who) const {
    const auto found = elsewhere_.find(who);
    return found == elsewhere_.end() ? 0 : found->second;
}

void Sharing::count(std::uint64_t who, std::uint32_t sessions) {
    if (sessions == 0)
        here_.erase(who);
    else
        here_[who] = sessions;
    if (changed_.size() < counts_max)
        changed_.insert(who);
    else if (!changed_.contains(who))
        has_gap_ = true;
}

/// What is lost then counts here all the same.
void Sharing::note(Failure failure) {
    if (failures_.size() < failures_max) failures_.push_back(std::move(failure));
}

void Sharing::note(Ban ban) {
    if (bans_.size() < bans_max)
        bans_.push_back(std::move(ban));
    else
        has_gap_ = true;
}

}  // namespace ballast::guard
