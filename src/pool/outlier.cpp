// SPDX-License-Identifier: Apache-2.0
#include "pool/outlier.h"

#include <algorithm>

namespace ballast::pool {

namespace {

/// The longest ejection, as a multiple of the first.
constexpr std::uint32_t longest_ejection = 8;

}  // namespace

void Outlier::succeeded() {
    failures_ = 0;
    ejections_ = 0;
}

bool Outlier::failed() {
    // After an ejection, one more failure shows that the backend has not recovered.
    const bool is_on_trial = ejections_ > 0;
    return rule_.failures != 0 && (++failures_ >= rule_.failures || is_on_trial);
}

void Outlier::eject(loop::Time now) {
    const auto times = std::min(1U << std::min(ejections_, 8U), longest_ejection);
    ejected_until_ = now + rule_.ejection_time * times;
    failures_ = 0;
    ++ejections_;
}

}  // namespace ballast::pool
