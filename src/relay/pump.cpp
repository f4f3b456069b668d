// SPDX-License-Identifier: Apache-2.0
#include "relay/pump.h"

#include "base/error.h"
#include "base/shortage.h"
#include "metrics/counters.h"
#include "relay/shared_buffer.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <span>
#include <utility>

namespace ballast::relay {

namespace {

/// A read shorter than this has emptied the source.
constexpr std::size_t short_read_bytes = 16 << 10;
/// How many moves run in a row before other transfers of the worker get their turn.
constexpr int turns_in_a_row = 8;

}  // namespace

void Pump::resume(Undelivered undelivered, std::uint64_t taken, std::uint64_t delivered) {
    pipe_ = std::move(undelivered.pipe);
    in_pipe_ = undelivered.in_pipe;
    held_ = std::move(undelivered.copied);
    taken_ = taken;
    delivered_ = delivered;
}

void Pump::follow(std::uint64_t taken, std::uint64_t delivered) {
    taken_ = taken;
    delivered_ = delivered;
    state_ = State::wants_read;
}

void Pump::take_over(Pump& other) {
    resume(other.release(), other.taken_, other.delivered_);
    state_ = other.state_;
    error_ = other.error_;
}

void Pump::fail(std::error_code error) { state_ = failed(State::source_failed, error); }

Undelivered Pump::release() {
    if (in_pipe_ == 0) pipe_.reset();
    return {.pipe = std::exchange(pipe_, std::nullopt),
            .in_pipe = std::exchange(in_pipe_, 0),
            .copied = std::exchange(held_, {})};
}

Pump::State Pump::run(std::size_t budget) {
    budget_ = budget;
    const auto delivered_before = delivered_;
    const auto spliced_before = spliced_;
    for (int turn = 0; turn < turns_in_a_row; ++turn) {
        state_ = step();
        if (state_ != State::wants_turn) break;
    }
    // A pump that waits for its source holds no pipe.
    if (in_pipe_ == 0 && pipe_) {
        pipe_->give_back();
        pipe_.reset();
    }
    const auto spliced = spliced_ - spliced_before;
    count(spliced, delivered_ - delivered_before - spliced);
    return state_;
}

/// Counts which way bytes took.
void Pump::count(std::uint64_t spliced, std::uint64_t copied) const {
    using metrics::Counter;
    const bool is_tls = source_.is_tls() || sink_.is_tls();
    if (spliced > 0)
        metrics::count(sink_.is_tls() ? Counter::bytes_spliced_into_tls : Counter::bytes_spliced,
                       spliced);
    if (copied > 0)
        metrics::count(is_tls ? Counter::bytes_copied_by_tls : Counter::bytes_copied, copied);
}

/// How many of the next bytes the kernel may move by itself.
std::size_t Pump::may_splice() const {
    return trail_ == nullptr ? std::numeric_limits<std::size_t>::max() : trail_->may_miss();
}

Pump::State Pump::step() {
    if (in_pipe_ > 0) return splice_out();
    if (!held_.empty()) return copy_out();
    if (source_is_drained_) {
        source_is_drained_ = false;
        return State::wants_read;
    }
    if (budget_ == 0) return State::wants_turn;
    const bool kernel_may = source_.splice_source() >= 0 && sink_.splice_sink() >= 0;
    // No more goes through memory than the trail wants.
    if (kernel_may && may_splice() == 0) return copy_in(trail_->wants());
    if (kernel_may && !pipe_) pipe_ = Pipe::borrow();
    return kernel_may && pipe_ ? splice_in() : copy_in();
}

Pump::State Pump::failed(State state, std::error_code error) {
    error_ = error;
    return state;
}

/// A read that was shorter than possible has most likely emptied the source. (A pipe may have no
/// room for more pieces, so the source is not told that it is empty: the watch asks the system.)
void Pump::took(std::size_t bytes, std::size_t bytes_max) {
    taken_ += bytes;
    budget_ -= bytes;
    source_is_drained_ = bytes < std::min(short_read_bytes, bytes_max) && !source_.is_special();
}

Pump::State Pump::splice_in() {
    const auto bytes_max = std::min({pipe_->capacity(), budget_, may_splice()});
    const auto moved = ::splice(source_.splice_source(), nullptr, pipe_->write_end(), nullptr,
                                bytes_max, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    // With urgent data splice(2) says "nothing yet", or "end" with bytes still unread. Only recv(2)
    // can tell.
    if (moved == 0) return copy_in();
    if (moved < 0) {
        const std::error_code error(errno, std::system_category());
        if (errno == EINTR || base::is_shortage(error)) return copy_in();
        return failed(State::source_failed, {errno, std::system_category()});
    }
    in_pipe_ = static_cast<std::size_t>(moved);
    if (trail_ != nullptr) trail_->miss(in_pipe_);
    took(in_pipe_, bytes_max);
    return splice_out();
}

Pump::State Pump::splice_out() {
    const unsigned flags =
        SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (sink_.is_corked() ? SPLICE_F_MORE : 0U);
    while (in_pipe_ > 0) {
        const auto moved =
            ::splice(pipe_->read_end(), nullptr, sink_.splice_sink(), nullptr, in_pipe_, flags);
        if (moved < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (errno == EAGAIN) sink_.note_full();
            return State::wants_write;
        }
        if (moved <= 0) return failed(State::sink_failed, {errno, std::system_category()});
        in_pipe_ -= static_cast<std::size_t>(moved);
        delivered_ += static_cast<std::uint64_t>(moved);
        spliced_ += static_cast<std::uint64_t>(moved);
    }
    return State::wants_turn;
}

Pump::State Pump::copy_in(std::size_t bytes_max) {
    auto& buffer = shared_buffer();
    const auto into = std::span(buffer).first(std::min({buffer.size(), budget_, bytes_max}));
    const net::Io io = source_.read(into);
    switch (io.state) {
        case net::Io::State::would_block: return State::wants_read;
        case net::Io::State::ended:
            end_is_vouched_for_ = io.is_vouched_for;
            return State::source_ended;
        case net::Io::State::failed: return failed(State::source_failed, io.error);
        case net::Io::State::moved: break;
    }
    took(io.bytes, into.size());
    std::string_view rest(buffer.data(), io.bytes);
    if (trail_ != nullptr) trail_->add(rest);
    while (!rest.empty()) {
        const net::Io out = sink_.write(rest);
        if (out.state == net::Io::State::failed) return failed(State::sink_failed, out.error);
        if (out.state != net::Io::State::moved) {
            held_ = rest;
            return State::wants_write;
        }
        rest.remove_prefix(out.bytes);
        delivered_ += out.bytes;
    }
    return State::wants_turn;
}

Pump::State Pump::copy_out() {
    const net::Io io = sink_.write(held_);
    if (io.state == net::Io::State::failed) return failed(State::sink_failed, io.error);
    if (io.state != net::Io::State::moved) return State::wants_write;
    delivered_ += io.bytes;
    held_.erase(0, io.bytes);
    if (held_.empty()) held_.shrink_to_fit();
    return State::wants_turn;
}

}  // namespace ballast::relay
