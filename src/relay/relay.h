// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "guard/bandwidth.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "net/stream.h"
#include "relay/trail.h"
#include "relay/undelivered.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

namespace ballast::relay {

class Porter;

/// How the relay ended. The session decides what this means.
enum class End : std::uint8_t {
    running,        ///< not yet
    source_ended,   ///< properly, and every byte is in the sink's socket
    source_failed,  ///< reset, or another error of the connection
    sink_failed,    ///< the receiver went away
    stalled,        ///< too few bytes moved within the stall timeout
    differs,        ///< this source does not send what the former ones have sent
};

/// How slowly and how fast bytes may move.
struct Pace {
    explicit Pace(std::chrono::milliseconds time, std::uint64_t bytes = 1,
                  guard::Throttle most = {})
        : stall_timeout(time), stall_bytes(bytes), throttle(std::move(most)) {}

    std::chrono::milliseconds stall_timeout;
    std::uint64_t stall_bytes;  ///< fewer bytes within that time are a stall
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
    loop::Time first_byte_at{};                         ///< when bytes were taken first
    std::uint32_t pauses = 0;  ///< times without a byte, of `pause_min` or longer
    loop::Time::duration paused{};
    loop::Time::duration held{};  ///< back by the throttle
    loop::Time moved_at{};        ///< when a byte was taken, delivered or checked last
    bool sink_is_slow = false;    ///< the relay waits for the sink to take bytes
    bool is_checking = false;     ///< this source has not yet proven that it sends the same bytes
    std::uint64_t bytes_checked = 0;  ///< read for that and not delivered, of all sources
    std::string difference;           ///< `differs` only: what does
};
/// A shorter time without a byte is not a pause.
inline constexpr auto pause_min = std::chrono::seconds(1);

/// Carries one transfer over several sources, one after the other, to the same sink. Its owner
/// keeps it, like the report, from the first relay of the transfer to the last.
struct Continuation {
    /// Of all bytes taken so far.
    Trail trail;
    /// What the last relay has taken and not delivered.
    Undelivered undelivered;
    /// Which byte of the transfer the next source sends first; see `Trail::begin`.
    std::uint64_t begin = 0;
    /// Which byte of the file is the transfer's first (REST), for the words of a difference.
    std::uint64_t file_offset = 0;
    /// Raised when a source goes on: it sends the first byte behind those of the former ones. Null:
    /// nobody waits for that.
    loop::Signal* goes_on = nullptr;
    /// Since when nothing moves. Kept by the relay, so that its report counts the time between two
    /// sources as a pause.
    loop::Time quiet_since{};
};

/// Moves bytes from `source` to `sink` until one of them ends. Meanwhile it also reads from the
/// sink. The sink may end its direction (a downloading client may do so early), and its bytes are
/// dropped. A read error counts as a failure of the sink. Borrows both streams and closes neither.
///
/// With a `continuation` and the same report, another relay can go on where this one has ended or
/// was cancelled. It first reads from its source what was taken before, and compares that with the
/// trail: nothing of it is delivered, no throttle applies, but it must not stall. Then it delivers
/// what the former relay could not, and goes on with the source's next byte.
///
/// With a `porter`, its worker's, another worker may move the bytes for a while. Nobody but the
/// relay may use the two streams then.
[[nodiscard]] loop::Task<> relay_one_way(loop::Loop& loop, net::Stream& source, net::Stream& sink,
                                         Pace pace, Report& report,
                                         Continuation* continuation = nullptr,
                                         Porter* porter = nullptr);

/// Moves bytes both ways, for commands whose direction is not known. The end of `a` (the backend)
/// ends the relay. The end of `b` (the client) does not: the relay reports it and raises `owner`,
/// and the caller decides whether to pass it on to `a`. `report` counts the bytes from `a` to `b`.
[[nodiscard]] loop::Task<> relay_both_ways(loop::Loop& loop, net::Stream& a, net::Stream& b,
                                           Pace pace, Report& report, loop::Signal& owner);

/// One of the two ends of `relay_sealed`.
enum class Party : std::uint8_t { nobody, a, b };

/// Kept up to date while `relay_sealed` runs; owned by the caller, who may read it at any time.
struct SealedReport {
    Party ended_first = Party::nobody;  ///< properly
    Party broke = Party::nobody;        ///< whose connection failed, if one did
    bool one_has_ended = false;         ///< one direction is over, the other may go on
    loop::Time one_ended_at;            ///< when that was
    bool has_failed = false;            ///< one connection failed; otherwise both ended properly
    std::error_code error;
    std::uint64_t bytes_from_a = 0;  ///< delivered
    std::uint64_t bytes_from_b = 0;
    loop::Time from_b_at;   ///< when bytes from `b` were delivered last
    bool was_held = false;  ///< the throttle held bytes back; the caller resets it
    loop::Time moved_at;    ///< when bytes moved last
    /// Delivered bytes are added to them, too.
    std::shared_ptr<std::atomic<std::uint64_t>> moved_from_a;
    std::shared_ptr<std::atomic<std::uint64_t>> moved_from_b;
};

/// Moves bytes both ways between two ends whose protocol is opaque here. An end is passed on as an
/// end. The relay is over when both have ended or one has failed; after a failure the caller closes
/// the other. It has no timeouts: the caller looks at `moved_at`.
[[nodiscard]] loop::Task<> relay_sealed(loop::Loop& loop, net::Stream& a, net::Stream& b,
                                        guard::Throttle throttle, SealedReport& report);

}  // namespace ballast::relay
