// SPDX-License-Identifier: Apache-2.0
#include "session/backend_end.h"

#include "metrics/counters.h"

#include <array>

namespace ballast::session {

namespace {

/// TLS tickets may come on a data connection too. An upload would leave them unread.
void take_tickets(net::Stream& stream) {
    std::array<char, 4096> dropped;  // NOLINT: filled by read
    for (int reads = 0; reads < 4; ++reads)
        if (stream.read(dropped).state != net::Io::State::moved) return;
}

}  // namespace

loop::Task<std::optional<backend::DataRefusal>> BackendEnd::open() {
    co_return take(co_await leg_.open_data());
}

loop::Task<std::optional<backend::DataRefusal>> BackendEnd::open_foreseen() {
    co_return take(co_await leg_.open_foreseen());
}

loop::Task<std::optional<backend::DataRefusal>> BackendEnd::open_at(base::Address port) {
    co_return take(co_await leg_.connect_to(port));
}

std::optional<backend::DataRefusal> BackendEnd::take(Opened opened) {
    if (!opened) return std::move(opened.error());
    stream_ = std::move(opened->stream);
    lease_ = std::move(opened->lease);
    if (lease_) lease_->attach(&signal_);
    return std::nullopt;
}

void BackendEnd::secure() {
    if (!is_protected_ || is_secured_ || !stream_) return;
    handshake_.start(leg_.wrap_data(std::move(stream_)), base::Fault::backend,
                     leg_.loop().after(leg_.tls_settings().handshake_timeout), signal_);
}

BackendEnd::News BackendEnd::look() {
    if (lease_ && lease_->has_arrived()) {
        stream_ = lease_->take();
        lease_.reset();
        return News::arrived;
    }
    if (stream_ || !handshake_.result()) return News::nothing;
    if (!*handshake_.result()) {
        metrics::count(metrics::Counter::tls_backend_handshakes_failed);
        problem_ = base::to_string(handshake_.result()->error());
        return News::tls_failed;
    }
    auto stream = handshake_.take();
    is_secured_ = true;
    leg_.note_data_handshake(*stream);
    stream_ = std::move(stream);
    return News::secured;
}

bool BackendEnd::has_taken_notice() {
    if (!stream_) return !handshake_.is_started() || handshake_.result().has_value();
    std::array<char, 1> first{};
    const bool has_sent = stream_->read(first).state != net::Io::State::would_block;
    stream_->attach(&signal_);
    if (!has_sent) stream_->watch_readable();
    return has_sent;
}

net::Io::State BackendEnd::finish(bool may_watch) {
    const auto state = stream_->finish();
    if (state != net::Io::State::would_block || !may_watch) return state;
    stream_->attach(&signal_);
    stream_->watch_writable();
    return state;
}

void BackendEnd::end() {
    (void)stream_->finish();
    stream_.reset();
}

void BackendEnd::close() {
    if (stream_) take_tickets(*stream_);
    stream_.reset();
}

void BackendEnd::reset() {
    if (stream_) stream_->reset();
    stream_.reset();
    handshake_.reset();
    lease_.reset();
}

void BackendEnd::give_back() { leg_.give_back({std::move(stream_), std::move(lease_)}); }

}  // namespace ballast::session
