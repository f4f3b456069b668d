// SPDX-License-Identifier: Apache-2.0
#include "net/control_connection.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace ballast::net {

namespace {

constexpr std::size_t read_bytes = 16 << 10;

/// One per thread: bytes are parsed or stored before the next read.
std::array<char, read_bytes>& shared_buffer() {
    thread_local std::array<char, read_bytes> buffer;
    return buffer;
}

}  // namespace

ControlConnection::ControlConnection(std::unique_ptr<Stream> stream, loop::Signal& signal)
    : stream_(std::move(stream)), signal_(&signal) {
    stream_->attach(signal_);
}

Io::State ControlConnection::receive(std::size_t bytes_max, Ask ask) {
    if (received_.size() >= bytes_max) return Io::State::would_block;
    if (ask == Ask::if_signalled && (is_drained_ || stream_->is_watching_readable()))
        return Io::State::would_block;
    auto& buffer = shared_buffer();
    const auto room = std::min(buffer.size(), bytes_max - received_.size());
    const Io io = stream_->read(std::span(buffer).first(room));
    if (io.state == Io::State::moved) {
        received_.append_wiped({buffer.data(), io.bytes});
        ::explicit_bzero(buffer.data(), io.bytes);
    }
    if (io.state == Io::State::failed) error_ = io.error;
    is_drained_ = io.state == Io::State::moved && io.bytes < room;
    return io.state;
}

void ControlConnection::put_stream(std::unique_ptr<Stream> stream, std::string received) {
    stream_ = std::move(stream);
    stream_->attach(signal_);
    received_ = std::move(received);
    is_drained_ = false;
}

void ControlConnection::raise(loop::Signal& signal) {
    signal_ = &signal;
    stream_->attach(signal_);
}

void ControlConnection::watch() {
    is_drained_ = false;
    stream_->watch_readable();
}

void ControlConnection::consume(std::size_t bytes) {
    received_.drop_front(bytes);
    // An idle session must not hold a buffer.
    if (received_.empty()) base::WipedString().swap(received_);
}

loop::Task<base::Result<>> ControlConnection::send(std::string_view bytes, base::Fault fault,
                                                   loop::Deadline deadline, Interrupt interrupt) {
    return write_all(*stream_, *signal_, bytes, fault, deadline, std::move(interrupt));
}

}  // namespace ballast::net
