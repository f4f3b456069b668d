// SPDX-License-Identifier: Apache-2.0
#include "support/data_peer.h"

#include <array>

namespace ballast::support {

using net::Io;

DataPeer::~DataPeer() {
    if (at_end) at_end();
}

void DataPeer::take(std::unique_ptr<net::Stream> stream) {
    stream_ = std::move(stream);
    stream_->attach(&signal_);
    job_ = loop::Job::start(run());
}

loop::Task<> DataPeer::run() {
    std::array<char, 16384> buffer{};
    while (stream_) {
        while (reads_ && end_ == End::open) {
            const Io io = stream_->read(buffer);
            if (io.state == Io::State::moved) {
                received_.append(buffer.data(), io.bytes);
                continue;
            }
            if (io.state == Io::State::ended) end_ = End::proper;
            if (io.state == Io::State::failed) end_ = End::reset;
            break;
        }
        while (!to_send_.empty() && end_ != End::reset) {
            const Io io = stream_->write(to_send_);
            if (io.state == Io::State::would_block) break;
            if (io.state == Io::State::failed) {
                end_ = End::reset;
                break;
            }
            to_send_.erase(0, io.bytes);
        }
        if (end_ == End::reset) co_return;
        if (to_send_.empty() && finish_wanted_) stream_->finish();
        if (reads_ && end_ == End::open) stream_->watch_readable();
        if (!to_send_.empty()) stream_->watch_writable();
        (void)co_await signal_.wait(loop::never);
    }
}

void DataPeer::send(std::string_view bytes) {
    to_send_ += bytes;
    signal_.raise();
}

void DataPeer::finish() {
    finish_wanted_ = true;
    signal_.raise();
}

void DataPeer::reset() {
    job_.cancel();
    if (stream_) stream_->reset();
}

void DataPeer::vanish() {
    job_.cancel();
    stream_.reset();
}

void DataPeer::resume_reading() {
    reads_ = true;
    signal_.raise();
}

}  // namespace ballast::support
