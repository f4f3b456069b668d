// SPDX-License-Identifier: Apache-2.0
#include "admin/server.h"

#include "base/log.h"
#include "base/owned_fd.h"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace ballast::admin {

namespace {

/// How long accepting pauses when no descriptors are left. Connections wait in the backlog.
constexpr auto shortage_pause = std::chrono::milliseconds(100);

}  // namespace

std::expected<OperatorSocket, config::Problem> open_socket(const config::Config& config,
                                                           bool replaces) {
    const auto& settings = config.admin;
    if (settings.socket == config::Admin::no_socket)
        return OperatorSocket{{}, "admin.socket is \"none\""};
    const bool is_default = settings.socket.empty();
    auto file =
        SocketFile::open(is_default ? std::string(config::Admin::default_socket) : settings.socket,
                         settings.group, replaces);
    if (file) return OperatorSocket{std::move(*file), {}};
    auto& [what, fix] = file.error();
    if (is_default) return OperatorSocket{{}, std::move(what)};
    return std::unexpected(
        config::Problem{config.places.of("admin.socket"), std::move(what), std::move(fix)});
}

Server::Server(loop::WorkerLoop& loop, OperatorSocket socket, Actions actions,
               std::string state_file, Patience patience)
    : loop_(loop),
      patience_(patience),
      api_(loop, std::move(actions), std::move(state_file)),
      file_(std::move(socket.file)),
      signal_(loop) {
    if (!file_) {
        log::info("no socket for operators", {{"reason", socket.why_not}});
        return;
    }
    auto native = file_->take();
    auto opened = loop::Descriptor::open(loop, native.get());
    if (!opened) {
        log::error("no socket for operators", {{"reason", base::to_string(opened.error())}});
        return;
    }
    (void)native.release();
    listening_ = std::move(*opened);
    listening_.attach(&signal_);
    job_ = loop::Job::start(serve());
    log::info("listening for operators", {{"socket", file_->path()}});
}

loop::Task<> Server::serve() {
    for (;;) {
        std::erase_if(connections_, [](const Connection& each) { return each.has_ended(); });
        if (connections_.size() >= connections_max) {
            (void)co_await signal_.wait(make_room());
            continue;
        }
        base::OwnedFd accepted(
            ::accept4(listening_.native(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted) {
            adopt(std::move(accepted));
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

void Server::adopt(base::OwnedFd accepted) {
    auto opened = loop::Descriptor::open(loop_, accepted.get());
    if (!opened) return;
    (void)accepted.release();
    connections_.emplace_back(loop_, std::move(*opened), api_, patience_.request, signal_);
}

/// Ends the connection that has been silent for longest, if that is long enough. Returns when to
/// try again.
loop::Deadline Server::make_room() {
    const auto longest = std::ranges::min_element(connections_, {}, &Connection::waits_since);
    const auto since = longest->waits_since();
    if (since == loop::never) return loop::never;  // all are worked on
    const auto until = since + patience_.crowded;
    if (until <= loop_.now()) connections_.erase(longest);
    return until;
}

}  // namespace ballast::admin
