// SPDX-License-Identifier: Apache-2.0
#include "net/acceptor.h"

#include "base/log.h"
#include "base/owned_fd.h"
#include "base/shortage.h"
#include "metrics/counters.h"

#include <cerrno>
#include <fcntl.h>
#include <new>
#include <system_error>

namespace ballast::net {

namespace {

/// How long accepting pauses when no descriptors are left. Connections wait in the backlog.
constexpr auto out_of_descriptors_pause = std::chrono::milliseconds(100);

/// How many are accepted before sessions get their turn.
constexpr int in_a_row_max = 32;

base::OwnedFd something_to_close() {
    return base::OwnedFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

Acceptor::Acceptor(loop::WorkerLoop& loop, loop::Descriptor listening, Take take,
                   std::optional<std::string> last_words)
    : signal_(loop),
      descriptor_(std::move(listening)),
      take_(std::move(take)),
      last_words_(std::move(last_words)),
      reserve_(last_words_ ? something_to_close() : base::OwnedFd()) {
    descriptor_.attach(&signal_);
    job_ = loop::Job::start(run());
}

base::OwnedFd Acceptor::close() {
    job_.cancel();
    return base::OwnedFd(descriptor_.release());
}

loop::Task<> Acceptor::run() {
    bool is_short = false;
    int accepted_in_a_row = 0;
    for (;;) {
        while (signal_.loop().now() < resume_at_) (void)co_await signal_.wait(resume_at_);
        SystemAddress from;
        base::OwnedFd accepted(::accept4(descriptor_.native(), from.get(), &from.length,
                                         SOCK_NONBLOCK | SOCK_CLOEXEC));
        const auto error = accepted ? std::error_code() : base::last_error({}, {}).code;
        if (accepted && give(std::move(accepted), from.address())) {
            is_short = false;
            // Asking whether there are more costs less than accepting in vain, for which the system
            // makes a socket.
            descriptor_.watch_readable();
            const bool is_more = !descriptor_.is_watching_readable();
            if (is_more && ++accepted_in_a_row < in_a_row_max) continue;
            accepted_in_a_row = 0;
            (void)co_await signal_.wait(loop::never);
        } else if (!error || (base::is_shortage(error) && error.value() != EAGAIN)) {
            metrics::count(metrics::Counter::accepts_paused);
            const auto reason = error ? error.message() : "only the reserve for probes is left";
            if (!std::exchange(is_short, true))
                log::warning("accepting connections is paused", {{"reason", reason}});
            refuse_some();
            (void)co_await signal_.wait(signal_.loop().after(out_of_descriptors_pause));
        } else if (error.value() == EAGAIN) {
            descriptor_.note_drained();
            descriptor_.watch_readable();
            (void)co_await signal_.wait(loop::never);
        } else if (error.value() == EINVAL) {
            co_return;  // somebody has shut the socket down
        } else {
            // An error of that one connection, which is gone. If it is not, others get their turn.
            signal_.raise();
            (void)co_await signal_.wait(loop::never);
        }
    }
}

/// False if there was no descriptor or no memory for it.
bool Acceptor::give(base::OwnedFd accepted, const base::Address& peer) {
    if (is_of_reserve(accepted.get())) {
        metrics::count(metrics::Counter::accepts_refused);
        if (last_words_)
            refuse(std::move(accepted), *last_words_);
        else
            reset_on_close(accepted.get());
        return false;
    }
    try {
        take_(std::move(accepted), peer);
    } catch (const std::bad_alloc&) {
        return false;
    }
    return true;
}

/// Refuses waiting clients one by one, using the descriptor kept for this. Other code may take that
/// descriptor first; then a later call reserves one again.
void Acceptor::refuse_some() {
    constexpr int refusals_max = 64;  // before sessions get their turn
    if (!last_words_) return;
    for (int i = 0; i < refusals_max; ++i) {
        {
            const base::OwnedFd given_up(reserve_.release());
        }
        base::OwnedFd accepted(
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

base::Result<base::Address> local_address(int native) {
    SystemAddress local;
    if (::getsockname(native, local.get(), &local.length) != 0)
        return std::unexpected(
            base::last_error(base::Fault::internal, "asking for a connection's address"));
    return local.address();
}

}  // namespace ballast::net
