// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include "base/log.h"
#include "metrics/counters.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace ballast::net {

namespace {

/// How long accepting rests when there are no descriptors left: connections wait in the backlog.
constexpr auto out_of_descriptors_pause = std::chrono::milliseconds(100);

bool is_shortage(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

OwnedFd something_to_close() { return OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Acceptor::Acceptor(loop::WorkerLoop& loop, OwnedFd listening, Take take,
                   std::optional<std::string> last_words)
    : signal_(loop),
      descriptor_(loop, listening.release()),
      take_(std::move(take)),
      last_words_(std::move(last_words)),
      reserve_(last_words_ ? something_to_close() : OwnedFd()) {
    descriptor_.attach(&signal_);
    job_ = loop::Job::start(run());
}

loop::Task<> Acceptor::run() {
    bool short_of_descriptors = false;
    for (;;) {
        while (signal_.loop().now() < resume_at_) (void)co_await signal_.wait(resume_at_);
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
            refuse_some();
            (void)co_await signal_.wait(signal_.loop().after(out_of_descriptors_pause));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            descriptor_.watch_readable();
            (void)co_await signal_.wait(loop::never);
        }
        // Any other error is that one connection's, which is gone already.
    }
}

/// Those who wait are told, one by one, with the descriptor that was kept for this. What else of
/// the process needs one may be faster; then it is kept again later.
void Acceptor::refuse_some() {
    constexpr int refusals_max = 64;  // before sessions have their turn
    if (!last_words_) return;
    for (int i = 0; i < refusals_max; ++i) {
        {
            const OwnedFd given_up(reserve_.release());
        }
        OwnedFd accepted(
            ::accept4(descriptor_.native(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        const bool has_come = static_cast<bool>(accepted);
        if (has_come) {
            metrics::count(metrics::Counter::accepts_refused);
            refuse(std::move(accepted), *last_words_);
        }
        reserve_ = something_to_close();
        if (!has_come || !reserve_) return;
    }
}

base::Address local_address(int native) {
    SystemAddress local;
    ::getsockname(native, local.get(), &local.length);
    return local.address();
}

}  // namespace ballast::net
