// SPDX-License-Identifier: Apache-2.0
#include "relay/chain.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace ballast::relay {

namespace {

constexpr auto use = net::TlsStream::Use::data;

support::TlsRoles& tls_roles() {
    static support::TlsRoles roles(base::TlsVersion::tls_1_3);
    return roles;
}

}  // namespace

Chain::Chain(Trail trail, support::Shape shape, TlsLegs tls) : shape_(shape), tls_(tls) {
    continuation.trail = std::move(trail);
    report.moved = moved;
    sink_ = connect_sink();
}

void Chain::begin(bool can_restart) {
    job_.cancel();
    sender.reset();
    source_.reset();
    source_ = connect_source();
    continuation.begin = continuation.trail.begin(report.bytes_taken, can_restart);
    job_ = loop::Job::start(relay_one_way(loop, *source_, *sink_, Pace(stall, stall_bytes, most),
                                          report, &continuation));
}

void Chain::send_up_to(std::string_view file, std::size_t end) const {
    const auto from = std::min<std::size_t>(continuation.begin, end);
    sender->send(file.substr(from, end - from));
}

void Chain::lose(std::string_view file, std::size_t end) {
    send_up_to(file, end);
    loop.settle();
    sender->reset();
    loop.settle();
}

void Chain::finish(std::string_view file) {
    send_up_to(file, file.size());
    sender->finish();
    loop.settle();
}

std::unique_ptr<net::Stream> Chain::connect_source() {
    auto [near, far] = support::MemoryStream::connect(loop, {}, {}, shape_);
    sender = std::make_unique<support::DataPeer>(loop);
    if (!tls_.source) {
        sender->take(std::move(far));
        return std::move(near);
    }
    sender->begin_tls([](auto plain) { return tls_roles().wrap_server(std::move(plain), use); });
    sender->take(std::move(far));
    auto secured = tls_roles().wrap_client(std::move(near), use);
    shake_hands(*secured);
    return secured;
}

std::unique_ptr<net::Stream> Chain::connect_sink() {
    auto [near, far] = support::MemoryStream::connect(loop, {}, {}, shape_);
    if (!tls_.sink) {
        receiver.take(std::move(far));
        return std::move(near);
    }
    receiver.begin_tls([](auto plain) { return tls_roles().wrap_client(std::move(plain), use); });
    receiver.take(std::move(far));
    auto secured = tls_roles().wrap_server(std::move(near), use);
    shake_hands(*secured);
    return secured;
}

void Chain::shake_hands(net::TlsStream& stream) {
    const support::Handshake handshake(loop, stream);
    loop.settle();
    if (!handshake.is_good()) throw std::runtime_error(handshake.problem());
}

}  // namespace ballast::relay
