// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"

#include <chrono>
#include <cstdint>

namespace ballast::pool {

/// Bytes per second of the last seconds: a moving average that is brought up to date when asked.
class ByteRate {
public:
    /// `bytes` is the count since the beginning. Asked again at once, it says the same.
    [[nodiscard]] std::uint64_t update(std::uint64_t bytes, loop::Time now);

private:
    std::uint64_t last_bytes_ = 0;
    loop::Time last_time_{};
    double per_second_ = 0;
};

/// How long a log-in takes at a backend: a moving average. It fades while nobody is sent there, so
/// that one that was slow once is tried again.
class LoginTime {
public:
    void add(std::chrono::microseconds taken, loop::Time now);
    /// A session that was sent there was not let in. That says nothing of the time, and it is as it
    /// was after the last log-in: a backend that refuses everybody must not look ever faster.
    void refused(loop::Time now) { last_ = now; }
    /// 0: not known, or too long ago.
    [[nodiscard]] std::chrono::microseconds at(loop::Time now) const;

private:
    double microseconds_ = 0;
    loop::Time last_{};
};

}  // namespace ballast::pool
