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
    plain_ = stream_.get();
    start();
}

void DataPeer::begin_tls(Wrap wrap) {
    wrap_ = std::move(wrap);
    if (stream_) start();
}

void DataPeer::start() {
    job_.cancel();
    if (wrap_) {
        auto wrapped = std::exchange(wrap_, {})(std::move(stream_));
        tls_ = wrapped.get();
        stream_ = std::move(wrapped);
    }
    stream_->attach(&signal_);
    job_ = loop::Job::start(run());
}

loop::Task<> DataPeer::run() {
    if (tls_ != nullptr) {
        const auto done = co_await tls_->handshake(signal_, base::Fault::client, loop::never);
        is_secured_ = done.has_value();
        if (!done) {
            tls_problem_ = base::to_string(done.error());
            end_ = End::reset;
        }
        if (at_change) at_change();
    }
    while (stream_ && end_ != End::reset) {
        read();
        if (end_ == End::proper && tls_ != nullptr && expects_plain_) {
            std::string first_bytes;
            auto left = co_await tls_->leave(signal_, first_bytes, loop::never);
            if (!left) co_return;
            stream_ = std::move(*left);
            stream_->attach(&signal_);
            tls_ = nullptr;
            received_ += first_bytes;
            end_ = End::open;
            continue;
        }
        write();
        if (at_change) at_change();
        if (end_ == End::reset) co_return;
        (void)co_await signal_.wait(loop::never);
    }
}

void DataPeer::read() {
    std::array<char, 16384> buffer{};
    while (reads_ && end_ == End::open) {
        const Io io = stream_->read(buffer);
        if (io.state == Io::State::moved) {
            received_.append(buffer.data(), io.bytes);
            continue;
        }
        if (io.state == Io::State::ended) end_ = End::proper;
        if (io.state == Io::State::failed) end_ = End::reset;
        is_vouched_for_ = io.is_vouched_for;
        break;
    }
    if (reads_ && end_ == End::open) stream_->watch_readable();
}

void DataPeer::write() {
    while (!to_send_.empty() && end_ != End::reset) {
        const Io io = stream_->write(to_send_);
        if (io.state == Io::State::would_block) return stream_->watch_writable();
        if (io.state == Io::State::failed) {
            end_ = End::reset;
            return;
        }
        to_send_.erase(0, io.bytes);
    }
    if (finish_ == Finish::wanted_bare) plain_->finish();
    if (finish_ == Finish::wanted && stream_->finish() == Io::State::would_block)
        return stream_->watch_writable();
    if (finish_ != Finish::no) finish_ = Finish::done;
}

void DataPeer::send(std::string_view bytes) {
    to_send_ += bytes;
    signal_.raise();
}

void DataPeer::finish() {
    finish_ = Finish::wanted;
    signal_.raise();
}

void DataPeer::finish_bare() {
    finish_ = Finish::wanted_bare;
    signal_.raise();
}

void DataPeer::reset() {
    job_.cancel();
    if (stream_) stream_->reset();
}

void DataPeer::vanish() {
    job_.cancel();
    // The FIN of the kernel, without close_notify.
    if (tls_ != nullptr && plain_ != nullptr) (void)plain_->finish();
    stream_.reset();
}

void DataPeer::resume_reading() {
    reads_ = true;
    signal_.raise();
}

}  // namespace ballast::support
