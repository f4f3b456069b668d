// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include "base/log.h"
#include "metrics/counters.h"

#include <cerrno>
#include <cstring>

namespace ballast::net {

namespace {

/// How long accepting rests when there are no descriptors left: connections wait in the backlog.
constexpr auto out_of_descriptors_pause = std::chrono::milliseconds(100);

bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Acceptor::Acceptor(loop::WorkerLoop& loop, OwnedFd listening, Take take)
    : signal_(loop), descriptor_(loop, listening.release()), take_(std::move(take)) {
    descriptor_.attach(&signal_);
    job_ = loop::Job::start(run());
}

loop::Task<> Acceptor::run() {
    bool short_of_descriptors = false;
    for (;;) {
        SystemAddress from;
        OwnedFd accepted(::accept4(descriptor_.native(), from.get(), &from.length,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted) {
            short_of_descriptors = false;
            take_(std::move(accepted), from.address());
        } else if (is_shortage(errno)) {
            metrics::count(metrics::Counter::accepts_paused);
            if (!std::exchange(short_of_descriptors, true))
                log::warning("accepting connections is paused", {{"reason", std::strerror(errno)}});
            (void)co_await signal_.wait(signal_.loop().after(out_of_descriptors_pause));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            descriptor_.watch_readable();
            (void)co_await signal_.wait(loop::never);
        }
        // Any other error is that one connection's, which is gone already.
    }
}

base::Address local_address(int native) {
    SystemAddress local;
    ::getsockname(native, local.get(), &local.length);
    return local.address();
}

}  // namespace ballast::net
