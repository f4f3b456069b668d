// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstdint>

namespace ballast::pool {

/// A moving average of the bytes per second of the last seconds. Asking brings it up to date.
class ByteRate {
public:
    /// `bytes` is the count since the beginning. Asking again at once gives the same answer.
    [[nodiscard]] std::uint64_t update(std::uint64_t bytes, loop::Time now);
    /// As it was when it was updated last.
    [[nodiscard]] std::uint64_t per_second() const {
        return static_cast<std::uint64_t>(per_second_);
    }

private:
    std::uint64_t last_bytes_ = 0;
    loop::Time last_time_{};
    double per_second_ = 0;
};

/// A moving average of the time that a login takes at a backend. It fades while the backend gets no
/// sessions, so a backend that was slow once is tried again.
class LoginTime {
public:
    void add(std::chrono::microseconds taken, loop::Time now);
    /// The backend refused a session. That says nothing about the time, but it ends the fading: a
    /// backend that refuses everybody must not look faster and faster.
    void refused(loop::Time now) { last_ = now; }
    /// 0: unknown, or too long ago.
    [[nodiscard]] std::chrono::microseconds at(loop::Time now) const;

private:
    double microseconds_ = 0;
    loop::Time last_{};
};

}  // namespace ballast::pool
