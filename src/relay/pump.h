// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/stream.h"
#include "relay/pipe.h"
#include "relay/trail.h"
#include "relay/undelivered.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>

namespace ballast::relay {

/// Moves bytes one way between two streams: inside the kernel where both allow it, else through
/// memory. Never waits, but says what to wait for. Borrows both streams and closes neither.
class Pump {
public:
    /// `trail` is told of all bytes taken, and sees those that it wants.
    Pump(net::Stream& source, net::Stream& sink, Trail* trail = nullptr)
        : source_(source), sink_(sink), trail_(trail) {}
    ~Pump() = default;
    Pump(const Pump&) = delete;
    Pump& operator=(const Pump&) = delete;

    /// Continues for a pump of the same sink, which has moved that many bytes.
    void resume(Undelivered undelivered, std::uint64_t taken, std::uint64_t delivered);
    /// Shows the figures of another pump, which moves bytes in place of this one.
    void follow(std::uint64_t taken, std::uint64_t delivered);
    /// Continues for it, or has ended as it has.
    void take_over(Pump& other);
    /// Its source is useless from now on.
    void fail(std::error_code error);
    /// Hands over to another pump of the same sink. This one is then useless.
    [[nodiscard]] Undelivered release();

    enum class State : std::uint8_t {
        wants_turn,     ///< more can move at once; others should have their turn first
        wants_read,     ///< the source has no bytes yet
        wants_write,    ///< the sink takes no bytes yet
        source_ended,   ///< properly, and all bytes taken were delivered
        source_failed,  ///< see `error()`; bytes taken before may be undelivered
        sink_failed,    ///< `error()`
    };
    /// Takes at most `budget` bytes from the source. With that spent it wants a turn.
    State run(std::size_t budget = std::numeric_limits<std::size_t>::max());

    [[nodiscard]] bool is_over() const { return state_ >= State::source_ended; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] std::uint64_t taken() const { return taken_; }
    [[nodiscard]] std::uint64_t delivered() const { return delivered_; }
    [[nodiscard]] const std::error_code& error() const { return error_; }
    /// The source ended with a TLS close_notify, not just with its connection.
    [[nodiscard]] bool end_is_vouched_for() const { return end_is_vouched_for_; }

private:
    void count(std::uint64_t spliced, std::uint64_t copied) const;
    [[nodiscard]] std::size_t may_splice() const;
    State step();
    State splice_in();
    State splice_out();
    State copy_in(std::size_t bytes_max = std::numeric_limits<std::size_t>::max());
    State copy_out();
    State failed(State state, std::error_code error);
    /// Notes that bytes were taken when this many were possible.
    void took(std::size_t bytes, std::size_t bytes_max);

    net::Stream& source_;
    net::Stream& sink_;
    Trail* trail_;
    std::optional<Pipe> pipe_;
    std::size_t in_pipe_ = 0;
    std::string held_;        ///< copied bytes that the sink has not taken
    std::size_t budget_ = 0;  ///< of the current run
    std::uint64_t taken_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t spliced_ = 0;  ///< delivered by the kernel
    std::error_code error_;
    State state_ = State::wants_read;
    bool end_is_vouched_for_ = false;
    bool source_is_drained_ = false;  ///< the last read was short, so another would find nothing
};

}  // namespace ballast::relay
