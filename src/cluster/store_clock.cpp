// SPDX-License-Identifier: Apache-2.0
#include "cluster/store_clock.h"

#include <utility>

namespace ballast::cluster {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

milliseconds StoreClock::answered(milliseconds now, loop::Time asked_at) {
    const auto half = (loop_.now() - asked_at) / 2;
    // A slow answer says less than a quick one. Clocks drift, so an old answer says less, too.
    const auto drift = (loop_.now() - measured_at_) / 1000 + milliseconds(1);
    const bool has_jumped =
        std::chrono::abs(now - at(asked_at + half)) > half + uncertainty_ + drift;
    if (is_measured_ && !has_jumped && half > uncertainty_ + uncertainty_ / 10 + drift) return {};
    is_measured_ = true;
    measured_at_ = loop_.now();
    uncertainty_ = half;
    const auto former = std::exchange(
        ahead_, now - duration_cast<milliseconds>((asked_at + half).time_since_epoch()));
    return std::exchange(is_known_, true) ? milliseconds(0) : ahead_ - former;
}

milliseconds StoreClock::at(loop::Time time) const {
    return duration_cast<milliseconds>(time.time_since_epoch()) + ahead_;
}

loop::Time StoreClock::time_of(milliseconds at) const {
    // The store may say anything: a time that is far away would overflow.
    constexpr auto far = duration_cast<milliseconds>(std::chrono::years(10));
    const auto left = at - now();
    return loop_.now() + (left > far ? far : left < -far ? -far : left);
}

}  // namespace ballast::cluster
