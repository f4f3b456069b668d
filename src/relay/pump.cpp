// SPDX-License-Identifier: Apache-2.0
#include "relay/pump.h"

#include "base/error.h"
#include "base/shortage.h"
#include "metrics/counters.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <span>

namespace ballast::relay {

namespace {

/// A read shorter than this has emptied the source.
constexpr std::size_t short_read_bytes = 16 << 10;
constexpr std::size_t copied_bytes_max = 256 << 10;
/// How many moves run in a row before other transfers of the worker get their turn.
constexpr int turns_in_a_row = 8;

/// One per worker: the pump keeps bytes that the sink does not take at once.
std::array<char, copied_bytes_max>& shared_buffer() {
    thread_local std::array<char, copied_bytes_max> buffer;
    return buffer;
}

}  // namespace

Pump::State Pump::run(std::size_t budget) {
    budget_ = budget;
    const std::uint64_t before = delivered_;
    const bool spliced = in_pipe_ > 0 || held_.empty();
    for (int turn = 0; turn < turns_in_a_row; ++turn) {
        state_ = step();
        if (state_ != State::wants_turn) break;
    }
    // A pump that waits for its source holds no pipe.
    if (in_pipe_ == 0 && pipe_) {
        pipe_->give_back();
        pipe_.reset();
    }
    metrics::count(path(spliced), delivered_ - before);
    return state_;
}

/// Which way bytes take, for the counters.
metrics::Counter Pump::path(bool spliced) const {
    using metrics::Counter;
    if (spliced && source_.splice_source() >= 0 && sink_.splice_sink() >= 0)
        return sink_.is_tls() ? Counter::bytes_spliced_into_tls : Counter::bytes_spliced;
    return source_.is_tls() || sink_.is_tls() ? Counter::bytes_copied_by_tls
                                              : Counter::bytes_copied;
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
    if (kernel_may && !pipe_) pipe_ = Pipe::borrow();
    return kernel_may && pipe_ ? splice_in() : copy_in();
}

Pump::State Pump::failed(State state, std::error_code error) {
    error_ = error;
    return state;
}

/// A read that was shorter than possible has emptied the source.
void Pump::took(std::size_t bytes, std::size_t bytes_max) {
    taken_ += bytes;
    budget_ -= bytes;
    source_is_drained_ = bytes < std::min(short_read_bytes, bytes_max);
}

Pump::State Pump::splice_in() {
    const auto bytes_max = std::min(pipe_->capacity(), budget_);
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
    took(in_pipe_, bytes_max);
    return splice_out();
}

Pump::State Pump::splice_out() {
    while (in_pipe_ > 0) {
        const auto moved = ::splice(pipe_->read_end(), nullptr, sink_.splice_sink(), nullptr,
                                    in_pipe_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved < 0 && (errno == EAGAIN || errno == EINTR)) return State::wants_write;
        if (moved <= 0) return failed(State::sink_failed, {errno, std::system_category()});
        in_pipe_ -= static_cast<std::size_t>(moved);
        delivered_ += static_cast<std::uint64_t>(moved);
    }
    return State::wants_turn;
}

Pump::State Pump::copy_in() {
    auto& buffer = shared_buffer();
    const auto into = std::span(buffer).first(std::min(buffer.size(), budget_));
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
