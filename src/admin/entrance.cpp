// SPDX-License-Identifier: Apache-2.0
#include "admin/entrance.h"

#include "net/acceptor.h"
#include "net/socket_stream.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/socket.h>
#include <utility>

namespace ballast::admin {

namespace {

/// How long accepting pauses when no descriptors are left. Connections wait in the backlog.
constexpr auto shortage_pause = std::chrono::milliseconds(100);

std::uint64_t user_of(int native) {
    ucred peer{};
    socklen_t length = sizeof peer;
    ::getsockopt(native, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer.uid;
}

}  // namespace

Entrance::Entrance(loop::WorkerLoop& loop, Answerer answer, const Settings& settings,
                   std::shared_ptr<const Access> access)
    : loop_(loop),
      connections_max_(settings.connections_max),
      hall_{.loop = loop,
            .answer = std::move(answer),
            .way = settings.way,
            .patience = settings.patience,
            .access = std::move(access)},
      signal_(loop) {}

void Entrance::open(loop::Descriptor listening) {
    hall_.is_closing = false;
    listening_ = std::move(listening);
    listening_.attach(&signal_);
    if (!job_.is_started()) job_ = loop::Job::start(serve());
    signal_.raise();
}

void Entrance::close() {
    listening_ = loop::Descriptor();
    see_off();
}

void Entrance::see_off() {
    hall_.is_closing = true;
    wake_all();
}

void Entrance::use(std::shared_ptr<const Access> access) {
    hall_.access = std::move(access);
    wake_all();
}

void Entrance::wake_all() {
    for (auto& each : connections_) each.look_again();
}

loop::Task<> Entrance::serve() {
    for (;;) {
        std::erase_if(connections_, [](const Connection& each) { return each.has_ended(); });
        if (listening_.native() < 0) {
            (void)co_await signal_.wait(loop::never);
            continue;
        }
        if (places_taken() >= connections_max_) {
            (void)co_await signal_.wait(make_room());
            continue;
        }
        net::SystemAddress peer;
        base::OwnedFd accepted(
            ::accept4(listening_.native(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
        const bool is_reserved = hall_.way != Way::socket && net::is_of_reserve(accepted.get());
        if (is_reserved) {
            // The last descriptors are for probes, and for whoever may use the Unix socket.
            accepted = base::OwnedFd();
            (void)co_await signal_.wait(loop_.after(shortage_pause));
        } else if (accepted) {
            adopt(std::move(accepted), peer);
            signal_.raise();  // probes get their turn before the next one
            (void)co_await signal_.wait(loop::never);
        } else if (errno == EAGAIN) {
            listening_.watch_readable();
            (void)co_await signal_.wait(loop::never);
        } else {
            (void)co_await signal_.wait(loop_.after(shortage_pause));
        }
    }
}

void Entrance::adopt(base::OwnedFd accepted, const net::SystemAddress& peer) {
    const int native = accepted.get();
    if (hall_.way == Way::socket) {
        const auto user = user_of(native);
        connections_.emplace_back(hall_,
                                  std::make_unique<net::SocketStream>(
                                      loop_, std::move(accepted), base::Address(), base::Address()),
                                  user, signal_);
        return;
    }
    net::prepare_control(native);
    const auto from = peer.address();
    const auto local = net::local_address(native).value_or(base::Address());
    connections_.emplace_back(
        hall_, std::make_unique<net::SocketStream>(loop_, std::move(accepted), local, from),
        base::to_string(from), signal_);
}

std::size_t Entrance::places_taken() const {
    return connections_.size() - std::min(connections_.size(), hall_.streams);
}

/// Ends the connection that has been silent for longest, if that is long enough. Returns when to
/// try again.
loop::Deadline Entrance::make_room() {
    auto longest = connections_.end();
    for (auto each = connections_.begin(); each != connections_.end(); ++each) {
        const bool counts = !each->is_streaming() && each->waits_since() != loop::never;
        if (counts &&
            (longest == connections_.end() || each->waits_since() < longest->waits_since()))
            longest = each;
    }
    if (longest == connections_.end()) return loop::never;  // all are worked on
    const auto until = longest->waits_since() + hall_.patience.crowded;
    if (until <= loop_.now()) connections_.erase(longest);
    return until;
}

}  // namespace ballast::admin
