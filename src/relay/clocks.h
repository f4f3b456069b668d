// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "loop/loop.h"
#include "relay/relay.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace ballast::relay {

/// Measures times without a byte.
class PauseClock {
public:
    /// Goes on from the report's bytes. `quiet_since` is when the last of them moved, or now.
    PauseClock(Report& report, loop::Time quiet_since)
        : report_(report),
          total_(report.bytes_taken + report.bytes_delivered),
          quiet_since_(quiet_since) {}

    /// `total` is the number of bytes moved so far.
    void note(std::uint64_t total, loop::Time now) {
        if (total == total_) return;
        if (total_ == 0) report_.first_byte_at = now;
        total_ = total;
        report_.moved_at = now;
        end(now);
    }
    /// Nothing follows.
    void end(loop::Time now) {
        const auto gap = now - std::exchange(quiet_since_, now);
        if (std::exchange(is_held_, false)) {
            report_.held += gap;
        } else if (gap >= pause_min) {
            ++report_.pauses;
            report_.paused += gap;
        }
    }
    /// The throttle holds the bytes back from now on.
    void hold() { is_held_ = true; }
    /// Since when no byte has moved, as far as it is not in the report yet.
    [[nodiscard]] loop::Time quiet_since() const { return quiet_since_; }

private:
    Report& report_;
    std::uint64_t total_;
    loop::Time quiet_since_;
    bool is_held_ = false;
};

/// Tells whether enough bytes have moved lately.
class StallClock {
public:
    StallClock(loop::Loop& loop, const Pace& pace)
        : loop_(loop),
          timeout_(pace.stall_timeout),
          bytes_(pace.stall_bytes),
          due_(loop.after(pace.stall_timeout)) {}

    /// False means a stall. `total` is the number of bytes moved so far.
    bool note(std::uint64_t total) {
        if (total - counted_ >= bytes_) {
            counted_ = total;
            due_ = loop_.after(timeout_);
        }
        return loop_.now() < due_;
    }
    /// The throttle holds the bytes back until `turn_at`, so this is not a stall.
    void excuse(loop::Deadline turn_at) {
        if (turn_at != loop::never) due_ = std::max(due_, turn_at + timeout_);
    }
    [[nodiscard]] loop::Deadline due() const { return due_; }

private:
    loop::Loop& loop_;
    std::chrono::milliseconds timeout_;
    std::uint64_t bytes_;
    std::uint64_t counted_ = 0;
    loop::Deadline due_;
};

}  // namespace ballast::relay
