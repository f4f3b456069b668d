// SPDX-License-Identifier: Apache-2.0
#include "balance/fastest.h"

#include <algorithm>
#include <cassert>

namespace ballast::balance {

namespace {

constexpr double equal_within = 1.1;

std::uint64_t slowest_known(std::span<const Candidate> ready) {
    std::uint64_t slowest = 0;
    for (const auto& candidate : ready) slowest = std::max(slowest, candidate.login_microseconds);
    return std::max<std::uint64_t>(slowest, 1);
}

}  // namespace

bool Fastest::may_try(const Candidate& candidate, std::size_t ready_count) {
    if (candidate.login_microseconds != 0 || candidate.sessions != 0) return false;
    std::erase_if(trials_, [&](const Trial& trial) { return picks_ - trial.pick >= ready_count; });
    if (std::ranges::find(trials_, candidate.id, &Trial::id) != trials_.end()) return false;
    trials_.push_back({candidate.id, picks_});
    return true;
}

std::size_t Fastest::pick(std::span<const Candidate> ready, const Client& client) {
    assert(!ready.empty());
    ++picks_;
    for (std::size_t i = 0; i < ready.size(); ++i)
        if (may_try(ready[i], ready.size())) return i;

    const auto unknown_time = slowest_known(ready);
    costs_.clear();
    for (const auto& candidate : ready) {
        const auto known = candidate.login_microseconds;
        const auto time = static_cast<double>(known != 0 ? known : unknown_time);
        costs_.push_back(time * (candidate.sessions + 1.0) / candidate.weight);
    }
    const double most = *std::ranges::min_element(costs_) * equal_within;
    places_.clear();
    equals_.clear();
    for (std::size_t i = 0; i < ready.size(); ++i) {
        if (costs_[i] > most) continue;
        places_.push_back(i);
        equals_.push_back(ready[i]);
    }
    return places_[turns_.pick(equals_, client)];
}

}  // namespace ballast::balance
