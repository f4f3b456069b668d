// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/bandwidth.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "net/stream.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace ballast::relay {

/// How the moving of bytes ended. The relay reports, the session decides what it means.
enum class End : std::uint8_t {
    running,        ///< not yet
    source_ended,   ///< properly, and every byte is in the sink's socket
    source_failed,  ///< reset, or another error of the connection
    sink_failed,    ///< the receiver went away
    stalled,        ///< too little moved within the stall time-out
};

/// How slowly bytes may move, and how fast.
struct Pace {
    explicit Pace(std::chrono::milliseconds time, std::uint64_t bytes = 1,
                  guard::Throttle most = {})
        : stall_timeout(time), stall_bytes(bytes), throttle(std::move(most)) {}

    std::chrono::milliseconds stall_timeout;
    std::uint64_t stall_bytes;  ///< fewer within that time is a stall
    guard::Throttle throttle;
};

/// Kept up to date while the relay runs; owned by the caller, who may read it at any time.
struct Report {
    End end = End::running;
    std::error_code error;
    std::uint64_t bytes_taken = 0;
    std::uint64_t bytes_delivered = 0;
    bool is_vouched_for = false;   ///< `source_ended` with TLS close_notify
    bool other_way_ended = false;  ///< `relay_both_ways` only: `b` has ended its direction properly
    bool other_way_is_vouched_for = false;
    std::shared_ptr<std::atomic<std::uint64_t>> moved;  ///< delivered bytes are added to it, too
};

/// Moves bytes from `source` to `sink` until one of them ends. Meanwhile the other direction is
/// listened to: its end is allowed (a downloading client may close its own direction early), its
/// bytes are dropped, its failure is the sink's. Borrows both streams, closes nothing.
[[nodiscard]] loop::Task<> relay_one_way(loop::Loop& loop, net::Stream& source, net::Stream& sink,
                                         Pace pace, Report& report);

/// Moves bytes both ways, for commands whose direction is not known. The end of `a` (the backend)
/// ends the relay. The end of `b` (the client) does not: it is reported, and `owner` raised, who
/// passes it on to `a` or not. `report` counts what went from `a` to `b`.
[[nodiscard]] loop::Task<> relay_both_ways(loop::Loop& loop, net::Stream& a, net::Stream& b,
                                           Pace pace, Report& report, loop::Signal& owner);

/// One of the two that `relay_sealed` moves bytes between.
enum class Party : std::uint8_t { nobody, a, b };

/// Kept up to date while `relay_sealed` runs; owned by the caller, who may read it at any time.
struct SealedReport {
    Party ended_first = Party::nobody;  ///< properly
    Party broke = Party::nobody;        ///< whose connection failed, if one did
    bool one_has_ended = false;         ///< its way is over, the other may go on
    loop::Time one_ended_at;            ///< when that was
    bool has_failed = false;  ///< one of the two broke; else, when it is over, both have ended
    std::error_code error;
    std::uint64_t bytes_from_a = 0;  ///< delivered
    std::uint64_t bytes_from_b = 0;
    loop::Time from_b_at;   ///< when bytes from `b` were delivered last
    bool was_held = false;  ///< the throttle held bytes back; for the caller to set to false again
    loop::Time moved_at;    ///< when bytes moved last, or since when none have
    std::shared_ptr<std::atomic<std::uint64_t>> moved;  ///< delivered bytes are added to it, too
};

/// Moves bytes both ways between two who understand each other and are not understood here. Each
/// one's end is passed on as an end; it is over when both have ended, or when one has failed: then
/// it is for the caller to break the other. No time-outs: the caller looks at `moved_at`.
[[nodiscard]] loop::Task<> relay_sealed(loop::Loop& loop, net::Stream& a, net::Stream& b,
                                        guard::Throttle throttle, SealedReport& report);

}  // namespace ballast::relay
