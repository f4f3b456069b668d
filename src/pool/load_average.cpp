// SPDX-License-Identifier: Apache-2.0
#include "pool/load_average.h"

#include <cmath>

namespace ballast::pool {

namespace {

using Seconds = std::chrono::duration<double>;

/// Bytes come in bursts of a mebibyte, so a shorter time gives no useful rate.
constexpr auto shortest_sample = std::chrono::milliseconds(100);
/// The weight of an earlier rate falls to about a third in this time.
constexpr Seconds rate_memory(2);
/// The weight of the newest login in the average.
constexpr double newest_share = 0.3;
constexpr Seconds half_life(60);

}  // namespace

std::uint64_t ByteRate::update(std::uint64_t bytes, loop::Time now) {
    const Seconds since = now - last_time_;
    if (last_time_ == loop::Time{}) {
        last_time_ = now;
        last_bytes_ = bytes;
    } else if (since >= shortest_sample) {
        const double kept = std::exp(-since / rate_memory);
        const double rate = static_cast<double>(bytes - last_bytes_) / since.count();
        per_second_ = per_second_ * kept + rate * (1 - kept);
        last_time_ = now;
        last_bytes_ = bytes;
    }
    return static_cast<std::uint64_t>(per_second_);
}

void LoginTime::add(std::chrono::microseconds taken, loop::Time now) {
    const Seconds since = now - last_;
    const auto newest = static_cast<double>(std::max<std::int64_t>(1, taken.count()));
    // The old average loses weight with time, but its value stays.
    const double kept =
        microseconds_ == 0 ? 0 : (1 - newest_share) * std::exp2(-(since / half_life));
    microseconds_ = microseconds_ * kept + newest * (1 - kept);
    last_ = now;
}

std::chrono::microseconds LoginTime::at(loop::Time now) const {
    const Seconds since = now - last_;
    return std::chrono::microseconds(
        static_cast<std::int64_t>(microseconds_ * std::exp2(-(since / half_life))));
}

}  // namespace ballast::pool
