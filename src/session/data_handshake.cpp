// SPDX-License-Identifier: Apache-2.0
#include "session/data_handshake.h"

namespace ballast::session {

void DataHandshake::start(std::unique_ptr<net::TlsStream> stream, base::Fault fault,
                          loop::Deadline deadline, loop::Signal& done) {
    stream_ = std::move(stream);
    job_ = loop::Job::start(run(done.loop(), fault, deadline), &done);
}

loop::Task<> DataHandshake::run(loop::Loop& loop, base::Fault fault, loop::Deadline deadline) {
    loop::Signal signal(loop);
    const net::Attached attached(*stream_, signal);
    result_ = co_await stream_->handshake(signal, fault, deadline);
}

std::unique_ptr<net::TlsStream> DataHandshake::take() {
    auto taken = std::move(stream_);
    reset();
    return taken;
}

void DataHandshake::reset() {
    job_.cancel();
    if (stream_) stream_->reset();
    stream_.reset();
    result_.reset();
}

}  // namespace ballast::session
