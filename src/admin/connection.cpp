// SPDX-License-Identifier: Apache-2.0
#include "admin/connection.h"

#include "base/log.h"
#include "config/spelling.h"

#include <array>
#include <cerrno>
#include <exception>
#include <fmt/format.h>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace ballast::admin {

namespace {

uid_t user_of(int native) {
    ucred peer{};
    socklen_t length = sizeof peer;
    ::getsockopt(native, SOL_SOCKET, SO_PEERCRED, &peer, &length);
    return peer.uid;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Connection::Connection(loop::WorkerLoop& loop, loop::Descriptor descriptor, Api& api,
                       loop::Time::duration patience, loop::Signal& ended)
    : patience_(patience),
      signal_(loop),
      descriptor_(std::move(descriptor)),
      user_(user_of(descriptor_.native())),
      waits_since_(loop.now()) {
    descriptor_.attach(&signal_);
    job_ = loop::Job::start(run(api), &ended);
}

bool Connection::has_ended() const {
    try {
        return job_.is_done();
    } catch (const std::exception& problem) {
        log::caught("an operator's connection failed", problem);
        return true;
    }
}

loop::Task<> Connection::run(Api& api) {
    for (;;) {
        waits_since_ = signal_.loop().now();
        const auto deadline = waits_since_ + patience_;
        auto request = reader_.next(received_);
        while (request && !*request) {
            const bool is_more = co_await receive(deadline);
            if (!is_more && received_.empty() && !reader_.has_begun()) co_return;
            request =
                is_more
                    ? reader_.next(received_)
                    : std::unexpected(refusal(408, "the request is not complete (send all of it)"));
        }
        if (!request) {
            (void)co_await send(to_text(std::move(request.error()), false));
            co_return;
        }
        const bool keep_alive = (*request)->keep_alive;
        waits_since_ = loop::never;
        auto answer = co_await api.answer(**request);
        note(**request, answer.status);
        const bool is_sent = co_await send(to_text(std::move(answer), keep_alive));
        if (!is_sent || !keep_alive) co_return;
        signal_.raise();  // others get their turn before a request that has arrived already
        (void)co_await signal_.wait(deadline);
    }
}

/// Appends what arrives to `received_`. False if nothing more comes: the client has ended its
/// direction or is gone, or the time is over.
loop::Task<bool> Connection::receive(loop::Deadline deadline) {
    std::array<char, 4096> part;
    while (signal_.loop().now() < deadline) {
        const auto count = ::recv(descriptor_.native(), part.data(), part.size(), 0);
        if (count > 0) {
            received_.append(part.data(), static_cast<std::size_t>(count));
            co_return true;
        }
        if (count == 0 || !would_block()) co_return false;
        descriptor_.watch_readable();
        (void)co_await signal_.wait(deadline);
    }
    co_return false;
}

loop::Task<bool> Connection::send(std::string text) {
    waits_since_ = signal_.loop().now();
    const auto deadline = waits_since_ + patience_;
    std::string_view rest = text;
    while (!rest.empty() && signal_.loop().now() < deadline) {
        const auto count = ::send(descriptor_.native(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (count >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(count));
            continue;
        }
        if (!would_block()) co_return false;
        descriptor_.watch_writable();
        (void)co_await signal_.wait(deadline);
    }
    co_return rest.empty();
}

/// Who changed what. Looking is not logged: monitoring asks all the time.
void Connection::note(const Request& request, unsigned status) const {
    if (request.method == "GET") return;
    const auto what = fmt::format("{} {}", request.method, config::in_quotes(request.target));
    log::info("an operator's request", {{"request", what},
                                        {"body", config::in_quotes(request.body)},
                                        {"user", std::uint64_t{user_}},
                                        {"status", std::uint64_t{status}}});
}

}  // namespace ballast::admin
