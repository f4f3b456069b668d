// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>

namespace ballast::cluster {

/// The store's clock as this node knows it: how far it is from the node's own steady clock. All
/// nodes use it, so the wall clock of none of them matters.
class StoreClock {
public:
    explicit StoreClock(const loop::Loop& loop) : loop_(loop) {}

    /// The store said `now` between these two moments. Returns by how much all times before this
    /// were wrong if it is the first answer, else zero.
    std::chrono::milliseconds answered(std::chrono::milliseconds now, loop::Time asked_at);
    /// The store may have another clock from now on.
    void reopened() { is_measured_ = false; }

    /// Before the first answer the times of this node are only right among each other.
    [[nodiscard]] std::chrono::milliseconds now() const { return at(loop_.now()); }
    [[nodiscard]] std::chrono::milliseconds at(loop::Time time) const;
    [[nodiscard]] loop::Time time_of(std::chrono::milliseconds at) const;

private:
    const loop::Loop& loop_;
    std::chrono::milliseconds ahead_{};  // the store's time minus ours
    bool is_known_ = false;
    bool is_measured_ = false;            // since it was opened
    loop::Time::duration uncertainty_{};  // when it was measured
    loop::Time measured_at_;
};

}  // namespace ballast::cluster
