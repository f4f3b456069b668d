// SPDX-License-Identifier: Apache-2.0
#include "guard/bandwidth.h"

#include <algorithm>
#include <limits>

namespace ballast::guard {

namespace {

/// Small enough that each of many transfers gets a turn within a second, large enough to be worth a
/// system call.
constexpr double turns_per_second = 200;
constexpr std::size_t quantum_min = 1024;
constexpr double quantum_max = 256 * 1024;
/// How much lost time a transfer may catch up. Timers fire late, so transfers come late.
constexpr auto arrears = std::chrono::milliseconds(50);

}  // namespace

void Bandwidth::set_rate(std::size_t bytes_per_second) {
    const std::lock_guard lock(mutex_);
    bytes_per_second_ = static_cast<double>(std::max<std::size_t>(1, bytes_per_second));
}

std::size_t Bandwidth::quantum() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::clamp<double>(bytes_per_second_ / turns_per_second, quantum_min, quantum_max));
}

Bandwidth::Time Bandwidth::reserve(std::size_t bytes, Time now) {
    const std::lock_guard lock(mutex_);
    const Time turn = std::max(free_at_, now - arrears);
    free_at_ = turn + std::chrono::ceil<Time::duration>(time_for(bytes));
    return turn;
}

void Bandwidth::give_back(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    free_at_ -= std::chrono::floor<Time::duration>(time_for(bytes));
}

std::chrono::duration<double> Bandwidth::time_for(std::size_t bytes) const {
    return std::chrono::duration<double>(static_cast<double>(bytes) / bytes_per_second_);
}

Throttle::Share::~Share() {
    if (credit_ > 0) bandwidth_->give_back(credit_);
}

Throttle::Time Throttle::Share::reserve(Time now) {
    if (credit_ > 0) return now;
    turn_ = std::clamp(2 * turn_, quantum_min, bandwidth_->quantum());
    credit_ = turn_;
    return bandwidth_->reserve(turn_, now);
}

Throttle::Throttle(std::vector<std::shared_ptr<Bandwidth>> bandwidths) {
    for (auto& bandwidth : bandwidths) shares_.emplace_back(std::move(bandwidth));
}

std::size_t Throttle::allowance(Time now) {
    auto least = std::numeric_limits<std::size_t>::max();
    for (auto& share : shares_) {
        next_ = std::max(next_, share.reserve(now));
        least = std::min(least, share.credit());
    }
    return now < next_ ? 0 : least;
}

void Throttle::spend(std::size_t bytes) {
    for (auto& share : shares_) share.spend(bytes);
}

}  // namespace ballast::guard
